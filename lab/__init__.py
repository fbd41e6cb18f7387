"""How the tiny models are made, and how the quality of a sampler setting is measured.

settings, pipeline, __main__   how long everything trains, the stages in order
scenes, emoji, drawing         what can be asked for, and pictures of it
text, networks, devices        the models before they are trained, and where they live
diffusion, training, timing    noise schedule and steps, the one training loop (resumable), how long it takes
autoencoder, base, judge       what each of them minimises
student, lora                  what all distillations share
consistency, lightning, hyper, turbo, dmd   the methods; adversarial, score   losses that several use
sampling, schedules, attention   a sampler setting, and what it draws
cells, tasks, measuring, statistics, report   which settings are measured, and how sure the numbers are
export, pack, files            the files that WebUIs read, the files that are shipped
hosts, picture                 the same through the extension in real WebUIs
speed                          pictures a second on a GPU, ours and diffusers'
"""
