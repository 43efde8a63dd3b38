"""Twilio's own client judges the simulated API and its signatures."""

import urllib.parse

from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from sandbox import BASE, Hooks, control, customer, ok, say

hooks = Hooks()
account = control("/accounts", {"platform": "twilio", "webhook_url": hooks.url})
client = Client(account["account_sid"], account["auth_token"])
client.api.base_url = BASE + "/twilio"
to = customer(account)["address"]


def form(body):
    return dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))


sid = say(account, text="Größe & +1?")
_, headers, body = hooks.next()
fields = form(body)
validator = RequestValidator(account["auth_token"])
assert validator.validate(hooks.url, fields, headers["X-Twilio-Signature"]), "signature"
assert not validator.validate(hooks.url + "x", fields, headers["X-Twilio-Signature"])
assert fields["MessageSid"] == sid and fields["Body"] == "Größe & +1?"
ok("inbound webhook, its signature")

callback = hooks.url + "?id=7"
sent = client.messages.create(to=to, from_=account["from"], body="hi", status_callback=callback)
assert sent.status == "queued" and sent.num_segments == "1" and sent.direction == "outbound-api", sent
assert sent.date_created.year >= 2024
for want in ["sent", "delivered"]:
    _, headers, body = hooks.next()
    fields = form(body)
    assert fields["MessageStatus"] == want, fields
    assert validator.validate(callback, fields, headers["X-Twilio-Signature"])
ok("messages.create, signed status callbacks")

assert client.messages(sent.sid).fetch().status == "delivered"
for n in range(5):
    say(account, text=f"n{n}")
listed = client.messages.list(to=account["from"], page_size=2)
assert [m.body for m in listed] == ["n4", "n3", "n2", "n1", "n0", "Größe & +1?"], [m.body for m in listed]
import datetime
assert client.messages.list(date_sent_after=datetime.date.today() - datetime.timedelta(days=1), limit=1)
picture = say(account, kind="image", text="this")
assert client.messages(picture).media.list()[0].content_type == "image/png"
assert client.api.accounts(account["account_sid"]).fetch().status == "active"
ok("fetch, list over pages, date filter, media, account")

for arguments, code in [(dict(to="12", body="x"), 21211), (dict(to=to, body="x" * 1601), 21617)]:
    try:
        client.messages.create(from_=account["from"], **arguments)
        raise AssertionError(code)
    except TwilioRestException as why:
        assert why.code == code, why
say(account, text="STOP")
try:
    client.messages.create(to=to, from_=account["from"], body="x")
    raise AssertionError("sent after STOP")
except TwilioRestException as why:
    assert why.code == 21610
wrong = Client(account["account_sid"], "wrong")
wrong.api.base_url = BASE + "/twilio"
try:
    wrong.api.accounts(account["account_sid"]).fetch()
    raise AssertionError("a wrong password was accepted")
except TwilioRestException as why:
    assert why.status == 401 and why.code == 20003
ok("21211, 21617, 21610, 20003")
