"""A YOLO detector that ADetailer loads, and that finds the same boxes in any picture: `python make_detector.py FILE`, with the Python of
a WebUI in which ultralytics is installed. Its structure is yolov8n's with random weights; its head says the same whatever it sees.
"""
import sys

import torch
from ultralytics import YOLO  # pyright: ignore[reportMissingImports]  # the WebUI has it


def make(file: str) -> None:
    yolo = YOLO("yolov8n.yaml")
    head = yolo.model.model[-1]
    with torch.no_grad():
        for level, (boxes, classes) in enumerate(zip(head.cv2, head.cv3, strict=True)):
            coarsest = level == len(head.cv2) - 1
            boxes[-1].weight.zero_()
            boxes[-1].bias.copy_(torch.eye(head.reg_max)[6].repeat(4) * 20)  # each side lies six cells away
            classes[-1].weight.zero_()
            classes[-1].bias.fill_(-20)
            classes[-1].bias[0] = 3 if coarsest else -20
    yolo.ckpt = {"model": yolo.model}
    yolo.save(file)


if __name__ == "__main__":
    make(sys.argv[1])
