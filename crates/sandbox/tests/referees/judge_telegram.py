"""python-telegram-bot judges the simulated Bot API."""

import asyncio

import telegram
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, ReplyParameters, Update
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, RetryAfter

from sandbox import BASE, Hooks, control, customer, ok, say


def bot_of(token):
    return telegram.Bot(token, base_url=BASE + "/telegram/bot", base_file_url=BASE + "/telegram/file/bot")


async def refused(error, call):
    try:
        await call
    except error as why:
        return str(why)
    raise AssertionError(f"no {error.__name__}")


async def main():
    account = control("/accounts", {"platform": "telegram", "limits": {"customer_per_s": 0.5, "customer_burst": 20.0}})
    bot = bot_of(account["token"])
    async with bot:
        me = await bot.get_me()
        assert me.is_bot and me.username == account["username"]
        ok("getMe")
        chat = int(customer(account)["address"])
        kinds = ["text", "image", "document", "voice", "audio", "video", "sticker", "location", "contact"]
        for kind in kinds:
            say(account, kind=kind, text="hello" if kind == "text" else "")
        updates = await bot.get_updates(timeout=5)
        messages = [u.message for u in updates]
        names = ["text", "photo", "document", "voice", "audio", "video", "sticker", "location", "contact"]
        assert [bool(getattr(m, n)) for m, n in zip(messages, names)] == [True] * 9, messages
        assert messages[0].from_user.id == chat and messages[0].date.timestamp() > 1_700_000_000
        ok("getUpdates: " + ", ".join(kinds))
        file = await bot.get_file(messages[1].photo[-1].file_id)
        assert len(await file.download_as_bytearray()) == file.file_size
        ok("getFile and download")
        await bot.get_updates(offset=updates[-1].update_id + 1)
        keys = InlineKeyboardMarkup([[InlineKeyboardButton("M", callback_data="m"), InlineKeyboardButton("site", url="https://example.org")]])
        sent = await bot.send_message(chat, "size?", reply_markup=keys, reply_parameters=ReplyParameters(messages[0].message_id))
        assert sent.reply_to_message.message_id == messages[0].message_id and sent.chat.id == chat
        say(account, press="M")
        press = (await bot.get_updates(offset=updates[-1].update_id + 1, timeout=5))[0].callback_query
        assert press.data == "m" and press.message.message_id == sent.message_id
        assert await press.answer()
        ok("sendMessage with buttons and a quote, callback_query, answerCallbackQuery")
        edited = await bot.edit_message_text("done", chat, sent.message_id)
        assert edited.text == "done" and edited.edit_date
        why = await refused(BadRequest, bot.edit_message_text("done", chat, sent.message_id))
        assert "not modified" in why
        assert await bot.set_message_reaction(chat, messages[0].message_id, "👍")
        assert await bot.send_chat_action(chat, "typing")
        assert await bot.delete_message(chat, sent.message_id)
        ok("editMessageText, setMessageReaction, sendChatAction, deleteMessage")
        assert (await bot.send_photo(chat, b"\x89PNG....", caption="c")).photo
        assert (await bot.send_document(chat, b"%PDF-1.4", filename="a.pdf")).document.file_name == "a.pdf"
        assert (await bot.send_voice(chat, b"OggS")).voice and (await bot.send_audio(chat, b"ID3")).audio
        assert (await bot.send_video(chat, b"....ftyp")).video and (await bot.send_location(chat, 1.5, 2.5)).location
        ok("sendPhoto, sendDocument, sendVoice, sendAudio, sendVideo, sendLocation")
        await refused(BadRequest, bot.send_message(1, "x"))
        await refused(BadRequest, bot.send_message(chat, "x" * 4097))
        say(account, block=True)
        await refused(Forbidden, bot.send_message(chat, "x"))
        say(account, block=False)
        async def flood():
            for _ in range(30):
                await bot.send_message(chat, "x")
        await refused(RetryAfter, flood())
        ok("400, 403, 429 as BadRequest, Forbidden, RetryAfter")
        hooks = Hooks()
        assert await bot.set_webhook(hooks.url, secret_token="abc", allowed_updates=["message", "message_reaction", "my_chat_member"])
        await refused(Conflict, bot.get_updates())
        say(account, key="p1", text="by webhook")
        while True:
            _, headers, body = hooks.next()
            assert headers["X-Telegram-Bot-Api-Secret-Token"] == "abc"
            import json
            update = Update.de_json(json.loads(body), bot)
            if update.message and update.message.text == "by webhook":
                break
        say(account, key="p1", react="👍", message_id=str(update.message.message_id))
        reaction = Update.de_json(json.loads(hooks.next()[2]), bot).message_reaction
        assert reaction.new_reaction[0].emoji == "👍"
        info = await bot.get_webhook_info()
        assert info.url == hooks.url and info.pending_update_count is not None
        assert await bot.delete_webhook()
        ok("setWebhook, deliveries, getWebhookInfo, deleteWebhook, 409 as Conflict")
    try:
        async with bot_of("123456:AAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"):
            raise AssertionError("an unknown token was accepted")
    except InvalidToken:
        ok("an unknown token is InvalidToken")


asyncio.run(main())
