"""Downloads, comments under the picture and the settings page, in Japanese."""

HOST: dict[str, str] = {
    # ------------------------------------------------------------------------------------------------------------------ downloads
    "download.done": "{file}のダウンロードと検証が終わりました",
    "download.cancelled": "キャンセルしました。ダウンロード済みの分は残してあり、次回は続きから再開します",
    "download.failed": "{file}をダウンロードできませんでした。{reason}",
    "download.crashed": "{file}をダウンロードできませんでした（{error}）。詳細はコンソールを見てください",
    "download.busy": "{folder}への別のダウンロードが進行中です。終わってからもう一度試してください",
    "download.kept": "{size}は残してあります",
    "download.no_space": "{missing}必要ですが、{folder}の空きは{free}です。空きを作って、もう一度試してください",
    "download.disk_full": "{folder}のディスクがいっぱいです。{kept}。空きを作ってもう一度試すか、{part}を削除してください",
    "download.no_writing": "{folder}に書き込めません（{error}）。WebUIに書き込み権限があるか確認してください",
    "download.came_meanwhile": "{file}がダウンロード中に作られました。このファイルはそのままにしてあります",
    "download.bad_repo": "{repo}はリポジトリの名前として正しくありません。{file}の行を直してください",
    "download.other_file":
        "{file}がすでにありますが、{repo}で公開されているファイルではありません（sha256が異なります）。名前を変えるか削除して、"
        "もう一度試してください",
    "download.wrong_sha256":
        "{url}から届いたものは公開されているファイルではないため、削除しました（sha256は{found}…、正しくは{expected}…）。公開元が"
        "差し替えたか、途中で別のものが応答しています。手動でダウンロードしてください",
    "download.connection": "{host}に接続できません（{error}）。{kept}。ネットワークとhuggingface.coを確認して、もう一度試してください",
    "download.no_sha256": "{url}にsha256がないため、届いたものを確認できません。手動でダウンロードしてください",
    "download.unreachable": "{host}に接続できません（{error}）。ネットワークとhuggingface.coを確認して、もう一度試してください",
    "download.too_long": "{url}は{size}ありますが、{expected}のはずでした。ダウンロードしませんでした",
    "download.endless": "{url}は{expected}のはずですが、それを超えても終わりません。中止しました",
    "download.insecure": "{host}が、httpsではない{target}に転送しようとしました。接続しませんでした",
    "download.licence":
        "{repo}はライセンスへの同意が必要です（{status}）。{page}で同意して{path}をダウンロードし、Loraフォルダーに入れてください",
    "download.gone": "{repo}に{path}はもうありません（404）。{page}で探してください",
    "download.status": "{url}からファイルではなく{status}が返りました。{page}を確認してください",
    "connection.broke_off": "接続が切れました",
    "connection.silent": "応答がありません",
    "connection.unreachable": "接続先に届きません",
    "connection.status": "{status}が返りました",
    "connection.too_early": "{missing}足りないまま終わりました",
    "connection.other_part": "ファイルの別の部分が届きました",
    "forbidden.offline": "このWebUIは{switch}={value}で起動されています",
    "forbidden.no_loras": "このWebUIのLoRA拡張機能がオフです",
    "forbidden.reached":
        "このWebUIはほかの人からもアクセスでき（--listenや--shareなど）、--enable-insecure-extension-accessなしで起動されています",
    "forbidden.server_name":
        "このWebUIは--server-name {address}で、--enable-insecure-extension-accessなしで起動されています",

    # ----------------------------------------------------------------------------------------------- under the picture, in the WebUI
    "comment.note": "Accelerator: {text}",
    "comment.error": "エラーで動作できなかったため、元の設定で生成しました（{error}）",
    "comment.looking": "LoRAを確認しています（{seen}／{count}）",
    "rescan.done": "Loraフォルダーを読み込み直しました",
    "rescan.later":
        "生成中の画像が終わってからLoraフォルダーを読み込み直します。そのあとでもう一度ボタンを押すと、新しいファイルが表示されます",
    "saved.no_checkpoint": "checkpointが選ばれていません。選んでから保存してください",
    "saved.damaged": "{path}が壊れています（{error}）。直すか削除してから、もう一度保存してください",
    "saved.no_object": "中身がオブジェクトではなく{kind}です",
    "saved.not_written": "{path}に書き込めません（{error}）。WebUIに書き込み権限があるか確認してください",

    # ------------------------------------------------------------------------------------------------------------- settings page
    "option.all_steps": "img2imgと高解像度補助で、残っているノイズの範囲に手法のステップをすべて割り当てる",
    "option.all_steps.info": "オフ：WebUIと同じく、およそ「ノイズ除去強度×ステップ数」だけ実行します",
    "option.auto_order": "Autoで優先する手法（優先順）",
    "option.auto_order.info": "tcd, lcm のようにキーをカンマで区切ります。ほかの手法はその後に続きます",
    "option.leave_out": "CFGスケールが1のとき、ネガティブプロンプトを計算から省く",
    "option.leave_out.info":
        "オフ：ほかの拡張機能がネガティブプロンプトを必要とする場合に。AUTOMATIC1111では生成時間が最大2倍になります",
    "option.notes": "画像の下にAcceleratorの注意書きを表示する",
    "option.notes.info": "問題があったときは常に表示されます",
    "option.badges": "LoRAのカードに、認識された手法を表示する",
    "option.downloads": "手元にない手法のLoRAのダウンロードを提案する",
    "option.downloads.info": "公開元のHugging Faceリポジトリから、ボタンを押したときだけダウンロードします",
    "option.own_table": "自分で追加する手法とファイル：{path}（UIの読み込み時に読まれます）",
    "option.bad_rows": "使われない行：",
    "option.unknown_methods": "「Autoで優先する手法」にある未知の手法（無視されます）：{keys}",
}
