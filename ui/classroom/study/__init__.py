"""The page Study: do generated images help a classifier?"""
