"""Classification with small neural networks: functions of values; files and paths are the stages' business."""
