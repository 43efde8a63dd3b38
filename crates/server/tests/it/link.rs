//! The continuation link: from a carried text message into the web chat on another device, unproved at first, then proved.

use reqwest::StatusCode;
use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use serde_json::{Value, json};

use super::fake::Fake;
use super::hub::{Account, Hub, text, until};
use super::shapes::{ig, ig_text};

const PHONE: &str = "+14155550100";

/// A browser: keeps the cookie of the one link that it opened.
struct Browser {
    http: reqwest::Client,
    hub: String,
    chat: String,
    cookie: Option<String>,
    token: Option<String>,
}

impl Browser {
    fn new(hub: &Hub) -> Self {
        let accounts = hub.cli_json(&["account", "list"]);
        let chat = accounts.as_array().into_iter().flatten().find(|row| row["channel"] == "webchat");
        let path = text(&chat.expect("a web chat")["webhook_path"]);
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        Self {
            http: http.expect("a client"),
            hub: hub.url.clone(),
            chat: path.rsplit('/').next().expect("a key").to_owned(),
            cookie: None,
            token: None,
        }
    }

    async fn fetch(&self, method: reqwest::Method, path: &str) -> (StatusCode, HeaderMap, String) {
        let mut request = self.http.request(method, format!("{}{path}", self.hub));
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status(), answer.headers().clone());
        (status, headers, answer.text().await.expect("a body"))
    }

    /// Presses the button behind a link; the page where it leads nowhere.
    async fn open(&mut self, link: &str) -> (StatusCode, String) {
        let (status, headers, page) = self.fetch(reqwest::Method::POST, link).await;
        if let Some(to) = headers.get(LOCATION) {
            let to = to.to_str().expect("text");
            let (page, token) = to.split_once("#session=").expect("a session behind the #");
            assert_eq!(page, format!("/chat/{}", self.chat));
            self.token = Some(token.to_owned());
            let cookie = headers[SET_COOKIE].to_str().expect("text");
            assert!(cookie.contains(&format!("Path={link};")) && cookie.contains("HttpOnly"), "{cookie}");
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
        (status, page)
    }

    async fn post(&self, what: &str, body: Value) -> Value {
        let url = format!("{}/chat/{}/{what}", self.hub, self.chat);
        let mut request = self.http.post(url).json(&body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.expect("an answer");
        answer.json().await.unwrap_or_default()
    }

    /// What the chat shows when it opens.
    async fn session(&mut self) -> Value {
        let session = self.post("session", json!({ "token": self.token })).await;
        self.token = Some(text(&session["token"]));
        session
    }

    async fn say(&self, said: &str) {
        self.post("messages", json!({ "id": uuid::Uuid::new_v4(), "text": said })).await;
    }
}

/// A customer on Instagram whose number is known and proved, in a hub that can make links.
struct Shop {
    hub: Hub,
    instagram: Account,
    sms: Fake,
    conversation: String,
    /// Providers answer as long as they are held.
    _fakes: [Fake; 1],
}

async fn shop() -> Shop {
    let (meta, sms) = (Fake::healthy().await, Fake::healthy().await);
    let hub = Hub::with(&["--public-url", "https://hub.example"], "[continuity]\npace = 30\n").await;
    let instagram = hub.instagram(&meta, "17840001");
    let number = hub.twilio_number(&sms);
    let ask = json!({ "trigger": { "type": "keyword", "words": ["sizes"] }, "actions": [
        { "type": "ask", "text": "Your number?", "field": "phone", "kind": "phone", "wording": "We may go on by SMS." },
        { "type": "hand_over" }] });
    hub.rule("ask", ask).await;
    hub.good("PUT", "/continuity/policy", json!({ "mode": "automatic", "hold_first_s": 0 })).await;
    let on_instagram = async |mid: &str, said: &str| {
        hub.meta(&instagram, &ig("17840001", &[ig_text("17840001", "7001", mid, said)])).await;
        text(&hub.message(said, "received").await["conversation_id"])
    };
    on_instagram("mid.1", "sizes of order 4711 please").await;
    hub.message("Your number?", "accepted").await;
    on_instagram("mid.2", PHONE).await;
    let form = [("MessageSid", "SMIN1"), ("AccountSid", "AC1"), ("From", PHONE), ("To", "+15550001111")];
    hub.twilio(&number, "", &[&form[..], &[("NumMedia", "0"), ("Body", "this is me")]].concat()).await;
    let by_sms = text(&hub.message("this is me", "received").await["conversation_id"]);
    let conversation = on_instagram("mid.3", "any news?").await;
    assert_eq!(by_sms, conversation, "one contact, one conversation");
    Shop { hub, instagram, sms, conversation, _fakes: [meta] }
}

impl Shop {
    async fn declare(&self, channel: &str) -> String {
        self.hub.good("POST", "/incidents", json!({ "channel": channel })).await;
        let open = self.hub.good("GET", "/incidents?open=true", Value::Null).await;
        let rows = open.as_array().expect("incidents");
        let id = rows.first().map(|row| &row["id"]);
        text(id.expect("the incident"))
    }

    async fn shown(&self) -> Value {
        self.hub.good("GET", &format!("/conversations/{}", self.conversation), Value::Null).await
    }

    async fn links(&self) -> Value {
        self.hub.good("GET", &format!("/conversations/{}/link", self.conversation), Value::Null).await
    }

    /// A link taken by hand: its path and its id.
    async fn copied(&self) -> (String, String) {
        let path = format!("/conversations/{}/link", self.conversation);
        let made = self.hub.good("POST", &path, Value::Null).await;
        let url = text(&made["url"]);
        (url.strip_prefix("https://hub.example").expect("our address").to_owned(), text(&made["id"]))
    }

    async fn in_thread(&self, said: &str) -> Value {
        let path = format!("/conversations/{}/messages", self.conversation);
        let find = async || {
            let page = self.hub.good("GET", &path, Value::Null).await;
            page["items"].as_array()?.iter().find(|row| row["text"] == said).cloned()
        };
        until(said, find).await
    }
}

/// The code in the last text message that holds one.
fn code_in(sms: &Fake) -> Option<String> {
    let texts = sms.texts();
    let said = texts.iter().rev().find(|said| said.contains("is your code for the chat with"))?;
    Some(said.split(' ').next()?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_carried_message_into_the_chat_on_a_second_device_and_proved() {
    let shop = shop().await;
    let hub = &shop.hub;
    shop.declare("instagram").await;
    hub.reply(&shop.conversation, "The blue one is here").await;
    let carried = shop.sms.wait(1).await.remove(0).text();
    let (line, rest) = carried.split_once("https://hub.example").expect("a link in the first line");
    assert!(line.starts_with("Instagram is having trouble, so "), "{carried}");
    let link = rest.split_whitespace().next().expect("its path").to_owned();
    previews_change_nothing(&shop, &link).await;

    let mut laptop = Browser::new(hub);
    assert_eq!(laptop.open(&link).await.0, 303);
    let session = laptop.session().await;
    assert_eq!(session["proof"]["state"], "unverified", "{session}");
    assert_eq!(session["messages"], json!([]), "nothing is told to who merely has the link");
    laptop.say("It is me, on my laptop").await;
    let said = shop.in_thread("It is me, on my laptop").await;
    assert_eq!((&said["unverified"], &said["channel"]), (&json!(true), &json!("webchat")));
    let shown = shop.shown().await;
    assert_eq!((&shown["route"]["proof"], &shown["channel"]), (&json!("invited"), &json!("webchat")));
    hub.reply(&shop.conversation, "Good that you found us").await;
    hub.message("Good that you found us", "accepted").await;
    let seen = laptop.session().await;
    let texts: Vec<&str> =
        seen["messages"].as_array().into_iter().flatten().filter_map(|m| m["text"].as_str()).collect();
    assert_eq!(texts, ["It is me, on my laptop", "Good that you found us"], "the answer comes here; no more");

    no_code_into_an_incident(&shop, &mut laptop).await;
    let asked = laptop.post("code", json!({})).await;
    assert_eq!((&asked["state"], &asked["way"]), (&json!("sent"), &json!("SMS")), "{asked}");
    let code = until("a code", async || code_in(&shop.sms)).await;
    let too_soon = laptop.post("code", json!({})).await;
    assert_eq!(too_soon["state"], "too_soon", "{too_soon}");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let tried = laptop.post("code/check", json!({ "code": wrong })).await;
    assert_eq!(tried, json!({ "state": "wrong", "tries_left": 4 }));
    let tried = laptop.post("code/check", json!({ "code": code })).await;
    assert_eq!(tried, json!({ "state": "verified" }));
    let seen = laptop.session().await;
    assert_eq!(seen["proof"]["state"], "verified", "{seen}");
    let history = seen["messages"].to_string();
    for said in ["sizes of order 4711 please", "The blue one is here", "It is me, on my laptop"] {
        assert!(history.contains(said), "{said}: {history}");
    }
    assert!(!history.contains("A code was sent"), "{history}");
    assert_eq!(shop.in_thread("It is me, on my laptop").await["unverified"], json!(false));
    assert_eq!(shop.shown().await["route"]["proof"], "verified");
    the_code_is_kept_nowhere(&shop, &code).await;
    // Back on Instagram, as ever.
    hub.meta(&shop.instagram, &ig("17840001", &[ig_text("17840001", "7001", "mid.9", "back here")])).await;
    hub.message("back here", "received").await;
    assert_eq!(shop.shown().await["channel"], "instagram");
}

/// Messengers and scanners fetch links many times, in every way that should be harmless.
async fn previews_change_nothing(shop: &Shop, link: &str) {
    let bot = Browser::new(&shop.hub);
    let before = (shop.links().await, shop.shown().await["contact"]["identities"].clone());
    for method in ["GET", "HEAD", "GET", "HEAD", "GET", "GET"] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let (status, headers, page) = bot.fetch(method.clone(), link).await;
        assert_eq!(status, 200);
        for (name, value) in [
            ("referrer-policy", "no-referrer"),
            ("x-robots-tag", "noindex, nofollow"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(headers[name], value, "{name}");
        }
        let policy = headers["content-security-policy"].to_str().expect("text");
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("script"), "{policy}");
        assert!(headers.get(SET_COOKIE).is_none());
        assert!(method == reqwest::Method::HEAD || page.contains("<button>"), "{page}");
        for told in ["Customer", "4711", "blue", "7001", "Instagram"] {
            assert!(!page.contains(told), "{told}: {page}");
        }
    }
    let after = (shop.links().await, shop.shown().await["contact"]["identities"].clone());
    assert_eq!(before, after);
    assert_eq!(after.0[0]["state"], "open");
}

/// While text messages lie in an incident too, the chat says that nobody can be proved.
async fn no_code_into_an_incident(shop: &Shop, laptop: &mut Browser) {
    let sends = shop.sms.sends().len();
    let incident = shop.declare("twilio").await;
    assert_eq!(laptop.session().await["proof"]["way"], Value::Null);
    assert_eq!(laptop.post("code", json!({})).await, json!({ "state": "no_way" }));
    assert_eq!(laptop.post("code/check", json!({ "code": "123456" })).await, json!({ "state": "over" }));
    shop.hub.good("POST", &format!("/incidents/{incident}/dismiss"), Value::Null).await;
    let laptop = &*laptop;
    let open = async || {
        let session = laptop.post("session", json!({ "token": laptop.token })).await;
        session["proof"]["way"].is_string().then_some(())
    };
    until("the way to be open again", open).await;
    assert_eq!(shop.sms.sends().len(), sends);
}

/// Neither threads nor attempts nor exports nor the log hold the code.
async fn the_code_is_kept_nowhere(shop: &Shop, code: &str) {
    let sent = shop.in_thread("A code was sent here, to prove who writes in the web chat.").await;
    let path = format!("/messages/{}/attempts", text(&sent["id"]));
    let attempts = shop.hub.good("GET", &path, Value::Null).await.to_string();
    assert!(attempts.contains("a one-time code, which is not kept"), "{attempts}");
    let exported = shop.hub.rows("messages").await;
    let exported = serde_json::to_string(&exported).expect("JSON");
    let log = std::fs::read_to_string(shop.hub.path("log")).expect("a log");
    for (place, held) in
        [("attempts", attempts), ("export", exported), ("thread", sent.to_string()), ("log", log)]
    {
        assert!(
            !held.contains(&format!("{code} is your code")) && !held.contains(&format!("\"{code}\"")),
            "{place}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_passed_on_leads_nobody_else_in() {
    let shop = shop().await;
    let (link, _) = shop.copied().await;
    let (mut first, mut second) = (Browser::new(&shop.hub), Browser::new(&shop.hub));
    assert_eq!(first.open(&link).await.0, 303);
    first.say("It is me").await;
    shop.in_thread("It is me").await;
    let before = first.session().await;

    // The second device is told so, and offered a chat of its own: nothing of the conversation, no place in it.
    let (status, page) = second.open(&link).await;
    assert_eq!(status, 409);
    assert!(page.contains("opened in another browser") && page.contains("Start a new chat"), "{page}");
    let fresh = second.session().await;
    assert_eq!((&fresh["messages"], &fresh["proof"]), (&json!([]), &Value::Null));
    second.say("Hello from somebody else").await;
    let row = shop.hub.message("Hello from somebody else", "received").await;
    assert_ne!(text(&row["conversation_id"]), shop.conversation);

    // The first goes on as it was, and may open the link again.
    let token = first.token.clone();
    assert_eq!(first.session().await, before);
    assert_eq!(first.open(&link).await.0, 303);
    assert_eq!(first.token, token);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_over_says_the_next_step_and_not_why() {
    let shop = shop().await;
    let (link, id) = shop.copied().await;
    let mut stranger = Browser::new(&shop.hub);
    assert_eq!(stranger.open(&link).await.0, 303);
    stranger.say("Send it to another address").await;
    shop.in_thread("Send it to another address").await;
    shop.hub.reply(&shop.conversation, "Which one?").await;
    shop.hub.message("Which one?", "accepted").await;
    // An agent sees that it is not the customer, and takes the link back: the visitor is out, the route is where it was.
    shop.hub.good("DELETE", &format!("/conversations/{}/link/{id}", shop.conversation), Value::Null).await;
    assert_eq!(shop.links().await[0]["state"], "revoked");
    let shown = shop.shown().await;
    assert_eq!((&shown["route"]["proof"], &shown["channel"]), (&json!("verified"), &json!("instagram")));
    assert_eq!(stranger.session().await["messages"], json!([]));
    stranger.say("Hello?").await;
    let row = shop.hub.message("Hello?", "received").await;
    assert_ne!(text(&row["conversation_id"]), shop.conversation);

    let unknown = "/c/AAAAAAAAAAAAAAAAAAAAAA";
    for method in [reqwest::Method::GET, reqwest::Method::POST] {
        let mut pages = Vec::new();
        for path in [link.as_str(), unknown, "/c/x", "/c/%3Cscript%3E"] {
            let (status, headers, page) = Browser::new(&shop.hub).fetch(method.clone(), path).await;
            assert_eq!(
                (status, &headers["cache-control"] == "no-store"),
                (StatusCode::NOT_FOUND, true),
                "{path}"
            );
            pages.push(page);
        }
        pages.dedup();
        assert_eq!(pages.len(), 1, "{pages:?}");
        assert!(pages[0].contains("Write to us where you got it"), "{}", pages[0]);
    }
    let (status, _) = shop
        .hub
        .api("DELETE", &format!("/conversations/{}/link/link_x", shop.conversation), Value::Null)
        .await;
    assert_eq!(status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_may_verify_by_hand() {
    let shop = shop().await;
    let (link, _) = shop.copied().await;
    let mut laptop = Browser::new(&shop.hub);
    assert_eq!(laptop.open(&link).await.0, 303);
    let opened = shop.links().await;
    let identity = text(&opened[0]["identity_id"]);
    let contact = text(&shop.shown().await["contact"]["id"]);
    let path = format!("/contacts/{contact}/identities/{identity}/verify");
    let verified = shop.hub.good("POST", &path, Value::Null).await;
    let proof =
        verified["identities"].as_array().into_iter().flatten().find(|row| row["id"] == identity.as_str());
    assert_eq!(proof.expect("the identity")["proof"], "verified");
    let session = laptop.session().await;
    assert_eq!(session["proof"]["state"], "verified", "{session}");
    assert!(session["messages"].to_string().contains("4711"), "{session}");
    let (status, _) =
        shop.hub.api("POST", &format!("/contacts/{contact}/identities/iden_x/verify"), Value::Null).await;
    assert_eq!(status, 404);
}
