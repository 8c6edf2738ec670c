"""Records what MediaPipe itself says of some pictures: ``python -m tests.tools.recorded_mesh OUT.npz``.

Needs ``mediapipe`` 0.10.21 and scikit-image, in an environment of their own: nothing else here works with the numpy
that it wants. Its graph around the attention mesh network (FaceLandmarkCpu) is shown three crops of scikit-image's
public-domain astronaut. ``tests/data/attention-mesh.npz`` was made by it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import mediapipe
import numpy as np
from google.protobuf import text_format
from mediapipe.framework import calculator_pb2
from mediapipe.framework.formats import rect_pb2
from mediapipe.python import packet_creator, packet_getter
from mediapipe.python._framework_bindings import resource_util
from PIL import Image
from skimage import data

SIDE = 192
CROPS = ((226, 118, 190, 0), (226, 118, 220, 8), (232, 112, 170, -10))
"""Centre x and y, side and clockwise roll in degrees."""
GRAPH = """
input_stream: "image" input_stream: "roi" output_stream: "landmarks"
node {
  calculator: "ConstantSidePacketCalculator" output_side_packet: "PACKET:with_attention"
  options { [mediapipe.ConstantSidePacketCalculatorOptions.ext] { packet { bool_value: true } } }
}
node {
  calculator: "FaceLandmarkCpu" input_stream: "IMAGE:image" input_stream: "ROI:roi"
  input_side_packet: "WITH_ATTENTION:with_attention" output_stream: "LANDMARKS:landmarks"
}
"""


def crops() -> np.ndarray:
    """Return the pictures [3, 192, 192, 3] uint8."""
    photo, drawn = Image.fromarray(data.astronaut()), []
    for x, y, side, roll in CROPS:
        around = photo.rotate(roll, Image.Resampling.BICUBIC, center=(x, y))
        box = (x - side / 2, y - side / 2, x + side / 2, y + side / 2)
        drawn.append(np.asarray(around.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box)))
    return np.stack(drawn)


def landmarks(pictures: np.ndarray) -> np.ndarray:
    """Return the landmarks [N, 478, 3] float32 in pixels of the pictures; the last 10 are the irises'."""
    resource_util.set_resource_dir(str(Path(mediapipe.__file__).parents[1]))
    graph = mediapipe.CalculatorGraph(graph_config=text_format.Parse(GRAPH, calculator_pb2.CalculatorGraphConfig()))
    found: list = []
    graph.observe_output_stream("landmarks", lambda _, packet: found.append(packet_getter.get_proto(packet)))
    graph.start_run()
    whole = rect_pb2.NormalizedRect(x_center=0.5, y_center=0.5, width=1, height=1)
    for moment, picture in enumerate(pictures, start=1):
        image = packet_creator.create_image_frame(picture, image_format=mediapipe.ImageFormat.SRGB)
        graph.add_packet_to_input_stream("image", image.at(moment))
        graph.add_packet_to_input_stream("roi", packet_creator.create_proto(whole).at(moment))
        graph.wait_until_idle()
    graph.close()
    return np.array([[[p.x, p.y, p.z] for p in one.landmark] for one in found], np.float32) * SIDE


def main() -> None:
    """Record, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    pictures = crops()
    np.savez_compressed(parser.parse_args().out, pictures=pictures, landmarks=landmarks(pictures))


if __name__ == "__main__":
    main()
