"""How the tiny models of `demo/models` are made, and how the quality of a sampler setting is measured.

settings    how long everything trains
pictures    draws the training pictures       text, networks   the models before they are trained
diffusion   noise schedule and steps          training         the one training loop, resumable
autoencoder, base, judge, distillation        what each of them minimises
evaluation, report                            sampler settings -> numbers -> tables
export, pack                                  the files that WebUIs read, the files that are shipped
__main__    the stages in order; files, lora  helpers
"""
