# Runs in an environment of its own, whose packages are not in ours.
# mypy: ignore-errors
"""A fan-out as one writes it with Django Channels: a consumer in a group, and a view that sends to the group."""

import os

import django
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ProtocolTypeRouter
from django.conf import settings

LAYER = {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [os.environ["REDIS_URL"]]}}
settings.configure(SECRET_KEY="of-a-benchmark", ALLOWED_HOSTS=["*"], CHANNEL_LAYERS={"default": LAYER})
django.setup()

GROUP = "home"


class Browser(AsyncWebsocketConsumer):
    async def connect(self):
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()

    async def disconnect(self, code):
        await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def clip(self, event):
        await self.send(text_data=event["text"])


async def publish(scope, receive, send):
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    if scope["method"] == "POST":
        await get_channel_layer().group_send(GROUP, {"type": "clip", "text": body.decode()})
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


application = ProtocolTypeRouter({"http": publish, "websocket": Browser.as_asgi()})
