#!/usr/bin/python3
"""A small browser on WebKitGTK for `tests.servers.webkit`: one page, a profile, a microphone that is always allowed.

MiniBrowser, which comes with the library, asks about the microphone in a dialog, and keeps nothing where it is driven.
This runs on the system's Python, which has PyGObject; the driver starts it with the folder of the profile.
"""

import sys
from pathlib import Path
from typing import Any

import gi  # type: ignore[import-not-found]  # of the system's Python alone

gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import Gtk, WebKit2  # type: ignore[import-not-found]  # noqa: E402

SIZE_PX = (1280, 900)


class Browser:
    def __init__(self, profile: Path) -> None:
        manager = WebKit2.WebsiteDataManager(
            base_data_directory=str(profile / "data"), base_cache_directory=str(profile / "cache")
        )
        self.context = WebKit2.WebContext.new_with_website_data_manager(manager)
        self.context.set_automation_allowed(True)
        self.context.connect("automation-started", self.start)
        self.downloads = profile / "downloads"
        self.context.connect("download-started", self.download)

    def start(self, _: Any, session: Any) -> None:
        """The driver is there: say who we are, by the one name that it knows, and give it pages when it asks."""
        about = WebKit2.ApplicationInfo()
        about.set_name("MiniBrowser")
        about.set_version(WebKit2.get_major_version(), WebKit2.get_minor_version(), WebKit2.get_micro_version())
        session.set_application_info(about)
        session.connect("create-web-view", lambda _: self.new_page())

    def download(self, _: Any, download: Any) -> None:
        """Save what a person downloads, under the name that the page or the server gives it."""
        self.downloads.mkdir(parents=True, exist_ok=True)
        save = lambda _, name: download.set_destination((self.downloads / name).as_uri()) or True  # noqa: E731
        download.connect("decide-destination", save)

    def new_page(self) -> Any:
        settings = WebKit2.Settings(
            enable_media_stream=True,
            enable_mock_capture_devices=True,
            media_playback_requires_user_gesture=False,
            enable_write_console_messages_to_stdout=True,
        )
        page = WebKit2.WebView(
            is_controlled_by_automation=True,
            web_context=self.context,
            settings=settings,
            website_policies=WebKit2.WebsitePolicies(autoplay=WebKit2.AutoplayPolicy.ALLOW),
        )
        page.connect("permission-request", lambda _, request: request.allow() or True)
        window = Gtk.Window(default_width=SIZE_PX[0], default_height=SIZE_PX[1])
        window.add(page)
        window.show_all()
        return page


if __name__ == "__main__":
    browser = Browser(Path(sys.argv[1]))
    Gtk.main()
