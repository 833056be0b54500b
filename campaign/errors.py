"""What a campaign refuses, in words for the scientist."""


class CampaignError(RuntimeError):
    """The campaign cannot do this now; nothing has changed. The message says what to do instead."""


class TransitionError(CampaignError):
    """The command is not allowed in this phase."""


class JournalError(CampaignError):
    """The journal cannot be read or written."""
