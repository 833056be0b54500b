"""What consecutive pictures tell of the camera that made them: does it see, and does it see something new?"""

from typing import Literal

from hardware.devices import Image

Sight = Literal["live", "frozen picture", "black"]
BLACK_CODE = 12
"""A picture is black when less than 1 % of it reaches this 8-bit code."""
_FEWEST_SAME = 5


def is_black(image: Image) -> bool:
    """Whether the picture shows nothing: lens cap, no light, a sensor that has not woken up."""
    import numpy as np

    small = _sample(image)
    return bool(np.count_nonzero(small >= BLACK_CODE) < 0.01 * small.size)


class Judge:
    """Looks at every picture of one source, in order.

    A living sensor never repeats its noise: pictures equal to the last bit, or of one and the same moment by the
    camera's own clock, for `frozen_s` seconds are a frozen picture. 0: a source that may repeat itself, as a film.
    """

    def __init__(self, frozen_s: float) -> None:
        self._frozen_s = frozen_s
        self.forget()

    def forget(self) -> None:
        """A new connection: nothing of the old one counts."""
        self.sight: Sight = "live"
        self._last: Image | None = None
        self._stamp_ms: float | None = None
        self._since_s = 0.0
        self._same = 0

    def saw(self, image: Image, taken_s: float, stamp_ms: float | None = None) -> Sight:
        """stamp_ms: the camera's own time of the picture, where it tells one."""
        if self._repeats(image, stamp_ms):
            self._same += 1
        else:
            self._same, self._since_s = 0, taken_s
        self._last, self._stamp_ms = image, stamp_ms
        if is_black(image):
            self.sight = "black"
        elif self._frozen_s and self._same >= _FEWEST_SAME and taken_s - self._since_s >= self._frozen_s:
            self.sight = "frozen picture"
        else:
            self.sight = "live"
        return self.sight

    def _repeats(self, image: Image, stamp_ms: float | None) -> bool:
        last = self._last
        if not self._frozen_s or last is None or last.shape != image.shape:
            return False
        if stamp_ms and stamp_ms == self._stamp_ms:  # many sources tell 0 for every picture
            return True
        import numpy as np

        # the sample differs in nearly every living picture, so that the whole is hardly ever compared
        return bool(np.array_equal(_sample(last), _sample(image)) and np.array_equal(last, image))


def _sample(image: Image) -> Image:
    every = max(1, round((image.shape[0] * image.shape[1] / 6000) ** 0.5))
    return image[::every, ::every]
