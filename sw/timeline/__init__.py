"""What the engines did in a run, by instruction: for Perfetto and as a drawing."""

from sw.timeline.chrome import chrome_trace
from sw.timeline.gantt import gantt
from sw.timeline.labels import Label, labels_of
from sw.timeline.slices import TRACKS, Slice, slices

__all__ = ["TRACKS", "Label", "Slice", "chrome_trace", "gantt", "labels_of", "slices"]
