"""Live pictures, in Japanese."""

LIVE: dict[str, str] = {
    # --------------------------------------------------------------------------------- the page, whose script fills in the numbers
    "live.label": "Live",
    "live.label.txt2img": "入力しながら画像を表示します",
    "live.label.img2img": "入力や描画に合わせて画像を表示します",
    "draft.label": "下書き画像",
    "draft.label.info": "速い代わりに少しぼやけます",
    "live.page.keep": "この画像を残す",
    "live.page.keep_info": "同じシードで通常どおり生成し、画像を保存します",
    "live.page.new_seed": "新しいシード",
    "live.page.rate": "{seconds} 秒、毎秒 {rate} 枚",
    "live.page.no_picture": "Live はキャンバスの画像を待っています",
    "live.page.batch": "Live はバッチを描きません。ほかのタブを選んでください",
    "live.page.hidden": "このタブが隠れている間は停止しています",
    "live.page.interrupted": "中断が押されたため Live を停止しました。続けるには再びオンにしてください",
    "live.page.idle": "{minutes} 分間変更がなかったため Live を停止しました。続けるには再びオンにしてください",
    "live.page.login": "ログアウトされたため Live を停止しました。ページを再読み込みしてください",
    "live.page.unreachable": "WebUI が応答しません。次の変更で Live を再開します",

    # ----------------------------------------------------------------------------------------------------------------- the answers
    "live.no_json": "リクエストを JSON として読めません（{reason}）",
    "live.no_object": "リクエストが {kind} です。プロンプトと番号を持つ JSON オブジェクトを送ってください",
    "live.no_number": "number の値が {value} です。0 から {most} までの、ページのリクエストごとに増える整数を送ってください",
    "live.no_settings": "accelerator の値が {value} です。オブジェクトかリストを送るか、Accelerator をオフにするなら省いてください",
    "live.bad_field": "使えない項目があります（{reason}）",
    "live.no_image": "画像を読めません。base64 の PNG、JPEG、WebP を送ってください",
    "live.no_canvas": "キャンバスの種類が不明です。{kinds} のいずれかにしてください",
    "live.no_picture": "キャンバスに画像がありません",
    "live.no_canvas_number": "キャンバスの {name} の値が {value} です。数値を送ってください",
    "live.failed": "この画像は生成できませんでした（{reason}）。次の変更で Live を再開します",
    "live.interrupted": "画像の生成が中断されました",

    # ---------------------------------------------------------------------------------------------------------------- draft pictures
    "draft.missing": "下書き画像には小型デコーダーが必要です。{url} を {path} として保存してください。通常のデコーダーを使います",
    "draft.no_decoder": "このモデル用の小型デコーダーがないため、下書きにできません。通常のデコーダーを使います",
    "draft.unknown": "小型デコーダーが見つかりません（{error}）。通常のデコーダーを使います",
}
