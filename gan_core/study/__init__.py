"""Does GAN augmentation help a classifier when data are scarce? A reproducible study.

plan.py defines the comparison, running.py trains and measures, results.py stores each measurement in a file, and
summary.py summarises the results. Only running.py and its helpers import torch.
"""
