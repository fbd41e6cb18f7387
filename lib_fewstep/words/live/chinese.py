"""Live pictures, in Simplified Chinese."""

LIVE: dict[str, str] = {
    # --------------------------------------------------------------------------------- the page, whose script fills in the numbers
    "live.label": "Live",
    "live.label.txt2img": "边输入边出图",
    "live.label.img2img": "边输入、边绘画、边出图",
    "draft.label": "草稿图片",
    "draft.label.info": "更快，但略模糊",
    "live.page.keep": "保留此图",
    "live.page.keep_info": "用相同的种子正常生成这张图片并保存",
    "live.page.new_seed": "新种子",
    "live.page.rate": "{seconds} 秒，每秒 {rate} 张",
    "live.page.no_picture": "Live 正在等待画布上的图片",
    "live.page.batch": "Live 不绘制批量图片。请选择其他标签页",
    "live.page.hidden": "此标签页隐藏期间暂停",
    "live.page.interrupted": "您按下了中止，Live 已停止。要继续请重新打开",
    "live.page.idle": "{minutes} 分钟内没有更改，Live 已停止。要继续请重新打开",
    "live.page.login": "您已退出登录，Live 已停止。请重新加载页面",
    "live.page.unreachable": "WebUI 没有应答。下次更改时 Live 会继续",

    # ----------------------------------------------------------------------------------------------------------------- the answers
    "live.no_json": "请求无法作为 JSON 读取（{reason}）",
    "live.no_object": "请求是 {kind}。应为带有提示词和编号的 JSON 对象",
    "live.no_number": "number 的值为 {value}。应为 0 到 {most} 的整数，并随页面的每次请求递增",
    "live.no_settings": "accelerator 的值为 {value}。应为对象或列表；省略则关闭 Accelerator",
    "live.bad_field": "有无法使用的项（{reason}）",
    "live.no_image": "图片无法读取。应为 base64 编码的 PNG、JPEG 或 WebP",
    "live.no_canvas": "画布类型未知。应为 {kinds} 之一",
    "live.no_picture": "画布上没有图片",
    "live.no_canvas_number": "画布的 {name} 值为 {value}。应为数字",
    "live.failed": "这张图片未能生成（{reason}）。下次更改时 Live 会继续",
    "live.interrupted": "图片的生成被中止",

    # ---------------------------------------------------------------------------------------------------------------- draft pictures
    "draft.missing": "草稿图片需要小型解码器。请将 {url} 保存为 {path}。将使用完整解码器",
    "draft.no_decoder": "没有适用于此模型的小型解码器，无法使用草稿。将使用完整解码器",
    "draft.unknown": "找不到小型解码器（{error}）。将使用完整解码器",
}
