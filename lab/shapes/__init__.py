"""The measurements of the models that `demo/models` holds today, which draw flat shapes: `python -m lab.shapes` and `.img2img`.

They go when those models are replaced by the ones that the stages of `lab` make, which `lab.report` measures.
"""
