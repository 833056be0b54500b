"""Optimisers side by side on tables of real measurements: who finds the best row first?"""
