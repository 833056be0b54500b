"""What a virtual Grbl says and hears that does not depend on its state.

Source: gnea/grbl, grbl/report.c and grbl/config.h, 1.1h; grblHAL/core, report.c and protocol.c.
"""

BANNERS = {
    "grbl": b"\r\nGrbl 1.1h ['$' for help]\r\n",
    "grblHAL": b"\r\nGrblHAL 1.1f ['$' or '$HELP' for help]\r\n",
}
LOCKED = "[MSG:'$H'|'$X' to unlock]"
MUST_HOME = ("ALARM:11", "[MSG:Homing cycle required]")
"""After each reset of a grblHAL that bit 2 of $22 locks, until it is homed."""
CRITICAL = (1, 2)
"""Alarms after which only a reset is obeyed."""
ALARM_S = {"grbl": 0.5, "grblHAL": 0.1}
"""How long it sleeps after it has said an alarm."""
ALL = 0x87
TOP_BIT = {0x80: ord("?"), 0x81: ord("~"), 0x82: ord("!"), ALL: ord("?")}
"""What grblHAL takes for a real-time command besides."""
