"""What the numbers of GRBL 1.1 and grblHAL mean, in words that say what to do.

Source: gnea/grbl, doc/csv/{alarm,error}_codes_en_US.csv, revision 1.1h; grblHAL/core, alarms.h and errors.h.
"""

KEEPS_POSITION = frozenset({"2", "4", "5", "13"})
"""Alarms after which the controller still knows where it stands; after all others only homing tells it."""

NEEDS_RESET = frozenset({"1", "2", "10", "16", "17"})
"""Alarms in which the controller answers nothing but a reset."""

ALARMS = {
    "1": "ran into a limit switch; look for an obstacle, then home it",
    "2": "refused a target outside its own soft limits; compare travel_mm with $130 to $132, then unlock it",
    "3": "was reset while it moved; home it",
    "4": "found its probe already touching; unlock it",
    "5": "its probe touched nothing; unlock it",
    "6": "was reset while homing; home it again",
    "7": "its door opened while homing; close it, then home it again",
    "8": "still presses a switch after homing; raise the pull-off $27 or look at the wires, then home it",
    "9": "found no limit switch while homing; look at switches, wiring and travel $130 to $132, then home it",
    "10": "its emergency stop is pressed, or homing did not find the second switch of an axis; home it",
    "11": "wants to be homed first",
    "12": "stands on a limit switch; move it off by hand, then home it",
    "13": "its probe was touched while it moved; unlock it",
    "14": "its spindle did not reach its speed; unlock it",
    "15": "found no second switch while squaring an axis; home it again",
    "16": "failed its self-test when it was switched on; switch it off and on",
    "17": "a motor driver reports a fault; look at the motors, switch it off and on, then home it",
    "18": "cannot home as it is configured; compare $44 to $47 with the axes that it has",
}

ERRORS = {
    "1": "expected a letter before a value; bytes were lost on the way, check cable and baud rate",
    "2": "could not read a number; bytes were lost on the way, check cable and baud rate",
    "3": "does not know this $ command",
    "4": "got a value below zero where none may be",
    "5": "homing is switched off in the controller; fit limit switches and set $22=1",
    "6": "its step pulse $0 must be longer than 3 µs",
    "7": "could not read its memory and went back to defaults; compare its settings $$ with your notes",
    "8": "is not standing still",
    "9": "is locked after an alarm or while it jogs; home it or unlock it",
    "10": "soft limits need homing; set $22=1 before $20=1",
    "11": "the line is too long for it",
    "12": "the setting asks for more steps a second than it can make",
    "13": "its door is open; close it",
    "14": "the line is too long to be kept",
    "15": "the target is beyond its travel",
    "16": "is no jog that it understands",
    "17": "laser mode needs an output that it does not have",
    "18": "was reset before it came to this line",
    "19": "got a value that must be above zero",
    "20": "does not know the command",
    "21": "got two commands that exclude each other in one line",
    "22": "got no feed rate",
    "23": "expected a whole number",
    "24": "got two commands that both want the axes",
    "25": "got the same letter twice in one line",
    "26": "got no axis to move",
    "27": "got a line number that it cannot take",
    "28": "misses a value in the line",
    "29": "does not have this coordinate system",
    "30": "takes G53 only with G0 and G1",
    "31": "got axes that nothing in the line uses",
    "32": "got an arc without an axis in its plane",
    "33": "cannot go to this target",
    "34": "got an arc of an impossible radius",
    "35": "got an arc without its centre",
    "36": "got values that nothing in the line uses",
    "37": "got a tool length for another axis than it has",
    "38": "does not have this tool number",
    "39": "got a value out of range",
    "40": "waits for a change of tool",
    "41": "its spindle does not turn",
    "42": "cannot do this in the plane that is selected",
    "43": "got a faster feed than it can do",
    "44": "got a spindle speed out of range",
    "45": "stands on a limit switch; move it off by hand, then home it",
    "46": "wants to be homed first",
    "47": "has an error of its tool",
    "48": "got values that contradict each other",
    "49": "failed its self-test; switch it off and on",
    "50": "its emergency stop is pressed; release it, then home it",
    "51": "a motor driver reports a fault; look at the motors, switch it off and on, then home it",
    "52": "got a setting out of range",
    "53": "has this setting switched off",
    "54": "got a retract position that it cannot use",
    "55": "cannot home the axes as configured",
    "56": "has this coordinate system locked",
    "79": "obeys nothing until its critical event is over; release the emergency stop, then reset it",
}


def alarm_in_words(code: str) -> str:
    return ALARMS.get(code, f"is in alarm {code}; home it")


def error_in_words(code: str) -> str:
    return ERRORS.get(code, f"refused the command with error {code}")
