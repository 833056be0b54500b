"""What drivers are made of: the longer conversations of one family, and what several families share.

Drivers do not know each other; whatever two of them need stands here. Nothing here is a device by itself.
"""
