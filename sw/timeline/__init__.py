"""What the engines did in a run, by instruction: for Perfetto and as a drawing."""

from sw.timeline.chrome import chrome_trace
from sw.timeline.gantt import gantt
from sw.timeline.labels import Label, bert_labels, plain_labels
from sw.timeline.slices import TRACKS, Slice, slices

__all__ = ["TRACKS", "Label", "Slice", "bert_labels", "chrome_trace", "gantt", "plain_labels", "slices"]
