"""What happens to connections after so many seconds, without a timer for each."""

from services.realtime.connection import Browser


class Deadlines:
    """Those who have the same time for something, in the order in which they began."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began: dict[Browser, float] = {}

    def __contains__(self, browser: Browser) -> bool:
        return browser in self._began

    def add(self, browser: Browser, now: float) -> None:
        self._began[browser] = now

    def remove(self, browser: Browser) -> None:
        self._began.pop(browser, None)

    def over(self, now: float) -> list[Browser]:
        """Take out those whose time is over."""
        late = []
        for browser, began in self._began.items():
            if began + self._seconds > now:
                break
            late.append(browser)
        for browser in late:
            del self._began[browser]
        return late
