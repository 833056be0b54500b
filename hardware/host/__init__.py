"""The port owner: a process of its own that holds every port and each device's stop, and a lease from the program.

`hosted.open_hosted` starts it and gives a rig whose devices live there. It ends every way the program can end
(closed, crashed, killed, frozen for longer than the lease) with the stop bytes on every port. It starts without Qt
and without numpy; cameras live in a second such process, `eye`, so that a decoder can neither hold up nor take
down the one that stops the pumps.
"""
