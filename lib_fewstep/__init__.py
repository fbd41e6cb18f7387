"""Few-Step Accelerator: few-step diffusion made right in the AUTOMATIC1111 and Forge WebUIs.

Facts in, one decision, acts out:

    core/   what is true and what shall be done: samplers, schedules, profiles, recognition of files, the plan.
            Knows torch and the standard library; never the WebUI, gradio, random numbers or the network.
    words/  every sentence for people, in each language.
    page/   what the accordion shows of all that, in words: state, cards, lists, details. Plain records, no gradio.
    data/   methods.yaml (one row per method) and files.yaml (one row per published file).
    host/   the WebUI's `modules`: reads the facts, applies the plan. Decides nothing, draws nothing.
    ui/     gradio: the accordion. Never imports the WebUI.
    downloads/  fetches published files that the user asks for: the only room that reaches the network. Knows neither the WebUI nor gradio.

Imports point one way: scripts -> host, ui, downloads -> page -> core -> words, data.
"""
