"""Pumps, stages, cameras and meters: what moves, doses and looks."""
