"""Does GAN augmentation help a classifier when data are scarce? A reproducible study.

plan.py says what is compared, running.py trains and measures, results.py keeps each measurement as a file, and
summary.py tells what came out. Only running.py and its helpers import torch.
"""
