"""What a plan says, in Japanese."""

PLANS: dict[str, str] = {
    # ------------------------------------------------------------------------------------------------------------ small parts
    "list.and": "{first}と{last}",
    "list.or": "{first}または{last}",
    "list.comma": "{first}、{last}",
    "list.reasons": "{first}。{last}",
    "number.range": "{low:g}～{high:g}",
    "steps.one": "{n}ステップ",
    "steps.other": "{n}ステップ",
    "evaluations.one": "UNetの評価{n}回",
    "evaluations.other": "UNetの評価{n}回",
    "label.made_for": "{name}（{steps}用）{rest}",
    "family.unknown": "未知の種類のモデル",
    "called.steps": "ステップ数",
    "called.cfg": "CFGスケール",
    "called.weight": "LoRAの重み",
    "called.gamma": "ガンマ",
    "called.guidance": "ガイダンス",
    "called.shift": "シフト",
    "called.variety": "多様性",
    "expected.number": "{low:g}から{high:g}までの数値",
    "expected.whole": "{low:g}から{high:g}までの整数",

    # ---------------------------------------------------------------------------------------------------- the plan in one line
    "summary.line": "{label}：{parts}。{cost}",
    "summary.off": "Acceleratorはオフです",
    "summary.not_active": "Acceleratorは動作していません。{why}",
    "summary.hires": "{steps}＋高解像度補助{hires}ステップ",
    "summary.hires_sampler": "{steps}＋高解像度補助{hires}ステップ（{sampler}）",
    "summary.cfg": "CFG {cfg:g}",
    "summary.cfg_first": "最初の{steps}ステップはCFG {cfg:g}、以降は1",
    "summary.gamma": "ガンマ {value:g}",
    "summary.guidance": "ガイダンス {value:g}",
    "summary.shift": "シフト {value:g}",
    "summary.variety": "多様性{value:g}",
    "summary.no_lora": "LoRAなし",
    "cost.instead": "{made}（元の設定では{without}回）",
    "cost.as_needed": "UNetの評価回数はサンプラーによって決まります",

    # ------------------------------------------------------------------------------------------------------ notes: the numbers
    "number.outside": "{called} {asked:g}は、{label}の想定範囲（{allowed}）から外れています。推奨値は{best:g}です",
    "steps.too_many": "{label}のタイムステップは最大{most}分です（指定は{asked}）。{most}で実行します",
    "weight.outside": "プロンプトに書かれたLoRAの重み{weight:g}は、{label}の想定範囲（{allowed}）から外れています。推奨値は{best:g}です",
    "weight.prompt_wins": "LoRAの重みはプロンプトの{tag}で決まります。スライダーの{weight:g}は無視されます",
    "cfg_steps.at_cfg_1": "CFGスケールが1のため、CFGを最初の{steps}だけに使う設定は効果がありません",
    "cfg_steps.uncountable": "サンプラー{sampler}はステップごとのモデル呼び出し回数が一定でないため、CFGはすべてのステップで使われます",
    "guidance.no_input": "読み込まれているcheckpointのファイルにはガイダンスの埋め込みがありません。ガイダンス{guidance:g}は無視されます",
    "cost.more_work":
        "元の設定より計算量が増えています。{made}（元の設定では{without}回）。推奨値に戻すか、Acceleratorをオフにしてください",
    "variety.on": "多様性{value:g}：シードごとの画像の違いが大きくなりますが、プロンプトへの忠実さは少し下がります",
    "negative.on": "ネガティブプロンプト有効",
    "negative.on_at": "ネガティブプロンプト有効（時間 約 +{percent} %）",
    "negative.impossible": "{label} では CFG 1 でネガティブプロンプトを効かせられないため、その強さは無視されます",
    "negative.left_out": "CFGスケールが1のため、ネガティブプロンプトは効果がなく、計算から省かれます",
    "negative.left_out_halves": "CFGスケールが1のため、ネガティブプロンプトは効果がなく、計算から省かれます。計算量は半分になります",
    "negative.evaluated":
        "CFGスケールが1のため、ネガティブプロンプトは効果がありません。計算から省く設定がオフなので、計算はされます",

    # ------------------------------------------------------------------------------------------- notes: samplers and schedules
    "sampler.unknown": "サンプラー{asked}はこのWebUIにありません。{used}を使います",
    "sampler.own_kept": "{label}は{used}でしか動作しません。サンプラー{asked}は無視されます",
    "sampler.self_timed": "サンプラー{sampler}は{label}のタイムステップではなく、独自のタイムステップを使います",
    "schedule.unknown": "スケジュールタイプ{asked}はこのWebUIにありません。手法本来のタイムステップを使います",
    "schedule.own_kept": "{label}は本来のタイムステップでしか動作しません。スケジュールタイプ{asked}は無視されます",
    "schedule.hires_ignored": "高解像度補助のスケジュールタイプ{schedule}は無視されます。この手法は独自のタイムステップを使います",
    "schedule.by_size":
        "WebUI のスケジュール {schedule} はどのサイズでもシフト {host:.2f} ですが、モデルの作者は "
        "{width} x {height} で {authors:.2f} を使います。"
        "作者のものを使うには、「サイズに応じたシフト」をオンにしてください",
    "hires.preset_steps":
        "高解像度でのステップ数{preset}はWebUIのプリセットによる値なので無視され、{steps}で実行します。変えるには別の値を入力してください",
    "steps.share":
        "{label}はWebUI自身のスケジュール{schedule}で動作するため、ノイズ除去強度{strength:g}では{steps}のうち{made}だけが実行されます",

    # ------------------------------------------------------------------------------------------------------- notes: what runs
    "runs.checkpoint_itself": "読み込まれているcheckpointそのものが{label}なので、LoRAは追加されません（{reason}）",
    "runs.checkpoint_as_chosen": "読み込まれているcheckpointは{label}とは認識されませんでしたが、選択どおりの設定を使います",
    "runs.two_accelerators":
        "読み込まれているcheckpointは{recognised}と認識されました。高速化を二重にかけると、たいてい画像が崩れます。どちらか1つだけ使ってください",
    "runs.lora_as_chosen": "LoRA「{lora}」は{recognised}と認識されましたが、選択どおり{label}の設定で実行します",
    "runs.lora_replaced": "LoRA「{lora}」は古い版です（{reason}）。最新のものをダウンロードしてください",
    "runs.second_checkpoint":
        "{name}（Refinerまたは高解像度補助のcheckpoint）も少ないステップ数になりますが、蒸留されていないため、きれいな画像は期待できません",
    "runs.too_large": "{label}は約{pixels}×{pixels}ピクセル用です。{width}×{height}では被写体が重複することがあります",
    "runs.saved": "この手法は、読み込まれているcheckpoint用に保存されています。別の手法を選ぶか、保存した設定を消去してください",

    # ----------------------------------------------------------------------------------------------- what is wrong with a request
    "setting.no_text": "設定「{key}」の値{value}はテキストではないため、無視されます",
    "setting.no_number": "設定「{key}」の値は{expected}である必要があります（現在の値：{value}）。推奨値を使います",
    "setting.no_switch": "設定「{key}」の値は true か false である必要があります（現在の値：{value}）。この設定は無視されます",
    "setting.unknown": "設定「{key}」はありません。{keys}などを指定してください。この設定は無視されます",

    # ---------------------------------------------------------------------------------------------------------- why nothing runs
    "method.unknown": "手法{method}はありません。autoか、{keys}などの手法のキーを指定してください",
    "method.no_sampler": "{label}に必要なサンプラー{sampler}がこのWebUIにありません。別の手法を選んでください",
    "method.no_schedule": "{label}に必要なスケジュールタイプ{schedule}がこのWebUIにありません。別の手法を選んでください",
    "prompt.same_lora": "プロンプトに同じLoRAが{n}個あり（{tags}）、WebUIは重みを合計します。1つだけ残してください",
    "prompt.several_loras": "プロンプトに高速化LoRAが{n}個あります（{tags}）。1つだけ使ってください",
    "prompt.but_no_lora": "プロンプトに{tag}がありますが、LoRAがNoneになっています。タグを消すか、LoRAをAutoにしてください",
    "prompt.but_other_lora": "プロンプトに{tag}がありますが、「{lora}」が選ばれています。タグを消すか、LoRAをAutoにしてください",
    "prompt.but_other_method":
        "プロンプトに{tag}（{there}）がありますが、{chosen}が選ばれています。タグを消すか、MethodをAutoにしてください",
    "prompt.bad_weight": "プロンプトの{tag}の重みが数値ではないため、LoRAは読み込まれません。0.8のような数値を書いてください",
    "prompt.suspected":
        "プロンプトの{tag}は高速化LoRAかもしれませんが、ファイルを確認できません（{reason}）。タグを消すか、その手法を選んで"
        "LoRAをNoneにしてください",
    "prompt.not_installed":
        "プロンプトの{tag}が見つかりません。このWebUIは1つでも欠けているとLoRAをまったく読み込みません。タグを消すか、ファイルを"
        "Loraフォルダーに入れて一覧を更新してください",
    "checkpoint.and_prompt":
        "読み込まれているcheckpointそのものが{own}で（{reason}）、プロンプトにも{tag}があります。タグを消すか、別のcheckpointを読み込むか、"
        "「LoRA」でそのLoRAを選んでください",
    "checkpoint.and_method":
        "読み込まれているcheckpointそのものが{own}ですが（{reason}）、{label}が選ばれています。MethodをAutoにするか、別のcheckpointを"
        "読み込むか、「LoRA」でそのLoRAを選んでください",
    "checkpoint.not_distilled":
        "LoRAがNoneになっていますが、読み込まれているcheckpointは蒸留モデルと認識されませんでした。そのcheckpointを作った手法を選んでください",
    "checkpoint.reads_picture":
        "読み込まれているcheckpointはInstructPix2Pixモデルで、画像も入力に使います。これに対応する手法はありません",
    "checkpoint.no_method":
        "読み込まれているcheckpointは{family}で、Acceleratorには対応する手法がありません。別のcheckpointを読み込んでください",
    "checkpoint.other_family": "{label}は{families}用ですが、読み込まれているcheckpointは{family}です",
    "checkpoint.unguided": "{label}はFLUX.1-dev用ですが、読み込まれているcheckpointはFLUX.1-schnellと同じくガイダンスを受け取りません",

    # ------------------------------------------------------------------------------------------------- what is wrong with a LoRA
    "lora.none": "高速化LoRAがありません。WebUIのLoraフォルダーに入れて一覧を更新してください",
    "lora.none_fits": "読み込まれているcheckpointに合う高速化LoRAがありません。{reasons}",
    "lora.none_of_method": "{label}がありません。LoRAをWebUIのLoraフォルダーに入れて一覧を更新してください",
    "lora.none_of_method_yet":
        "{label}がありません。{repo}から{file}をダウンロードし、WebUIのLoraフォルダーに入れて一覧を更新してください",
    "lora.no_other": "{reason}。{label}のファイルはほかにありません",
    "lora.not_installed":
        "LoRA {lora}がありません。ファイルをWebUIのLoraフォルダーに入れて一覧を更新するか、LoRAをAutoにしてください",
    "lora.not_recognised": "LoRA「{lora}」は認識されませんでした（{reason}）。このLoRAを作った手法を選んでください",
    "lora.of_no_method": "{label}にはLoRAがありませんが、「{lora}」が選ばれています。LoRAをAutoにしてください",
    "lora.several_files":
        "「{lora}」という名前のファイルが複数あり、WebUIはそのうち1つだけを読み込みます。{others}は読み込まれないので、名前を変えてください",
    "lora.unreadable": "LoRA「{lora}」は使えません（{reason}）",
    "lora.no_family": "LoRA「{lora}」は{family}用で、Acceleratorには対応する手法がありません",
    "lora.other_format":
        "LoRA「{lora}」はdiffusersなど、このWebUIでは読み込めない形式です。kohya形式（webui用などと書かれたもの）を探してください",
    "lora.bad_name": "LoRA「{lora}」の名前はプロンプトのタグに書けません。ファイル名から「:」「=」「>」を取り除いてください",
    "lora.other_family": "LoRA「{lora}」は{made_for}用ですが、読み込まれているcheckpointは{family}です",
    "lora.other_depth":
        "LoRA「{lora}」は読み込まれているcheckpointに合いません。{place}の深さ{depth}にあるトランスフォーマーがcheckpointにはありません",
    "lora.keys_unknown":
        "LoRA '{lora}' は読み込み中のチェックポイントに合いません。キーの {percent} % しか見つからず、WebUI は何も言わずに無視します",
    "lora.other_width":
        "LoRA「{lora}」は読み込まれているcheckpointに合いません。{place}のチャンネル数が{there}ではなく{width}です",
    "lora.other_context":
        "LoRA「{lora}」は別のテキストエンコーダー用です。テキスト埋め込みの幅が{width}で、読み込まれているcheckpointの{there}と異なります",

    # ------------------------------------------------------------------------------- how a file was recognised, within a sentence
    "found.nothing": "ハッシュ、ヘッダー、名前のいずれからも高速化用とは判断できません",
    "found.by_hash": "ハッシュ{hash}が{file}と一致",
    "found.by_sha256": "sha256が{file}と一致",
    "found.by_title": "ヘッダーの名前が{title}",
    "found.by_name": "名前から{method}と判断",
    "found.by_network": "FLUX.1-schnellと同じくガイダンスを受け取らないネットワーク",
    "found.replaced": "{reason}。公開元が新しいものに差し替えています",
    "found.replaced_because": "{reason}。{note}",
    "unreadable.because": "読み込めません：{reason}",
    "unreadable.page": "モデルではなくWebページです。必要ならサイトにログインして、ファイルをダウンロードし直してください",
    "unreadable.pickle": ".ptまたは.ckptファイルです。中身を確認するのは.safetensorsファイルだけです",
    "unreadable.gguf": ".ggufファイルです。中身を確認するのは.safetensorsファイルだけです",
    "unreadable.lfs": "モデル本体ではなくGit LFSのポインターです。公開ページか git lfs pull でファイルを取得してください",
    "unreadable.empty": "ファイルが空です",
    "unreadable.cut_off": "ファイルが途中で切れています。ダウンロードし直してください",
    "unreadable.invalid": "正しい.safetensorsファイルではありません（{complaint}）",
}
