//! A host with a bot on a Bot API: set up by the commands a person would type,
//! paired, and talked to. The Bot API is the strict one, or [`TestApi`].

#![allow(dead_code, reason = "each test uses its part")]

use anyhow::{Context, Result, bail, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use sortie_servers::{BotApi, Shown, TestApi};
use sortie_tests::{Host, HostOptions, PATIENCE, Remote};
use tokio::sync::watch;

/// The owner, and so the owner's own chat.
pub const ANA: i64 = 11;
/// Somebody else.
pub const BEN: i64 = 12;

/// What a job does that a scanner asks about.
pub const CHEAT: &str = "printf 'import unittest\\n\\n@unittest.skip(\"no\")\\nclass T(unittest.TestCase):\\n    def test_a(self):\\n        self.assertEqual(1, 1)\\n' > test_a.py";

const TESTED: &str = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(1, 1)\n";

/// What a conversation needs of a Bot API, whose users the test is.
pub trait Service {
    /// The bot's token.
    const TOKEN: &'static str;
    fn url(&self) -> String;
    async fn says(&self, chat: i64, user: i64, text: &str);
    async fn shown(&self, chat: i64) -> Vec<Shown>;
    fn notes(&self) -> Vec<(String, String)>;
    fn changes(&self) -> watch::Receiver<u64>;
}

impl Service for BotApi {
    const TOKEN: &'static str = Self::TOKEN;

    fn url(&self) -> String {
        Self::url(self)
    }

    async fn says(&self, chat: i64, user: i64, text: &str) {
        Self::says(self, chat, user, text);
    }

    async fn shown(&self, chat: i64) -> Vec<Shown> {
        Self::shown(self, chat)
    }

    fn notes(&self) -> Vec<(String, String)> {
        Self::notes(self)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        Self::changes(self)
    }
}

impl Service for TestApi {
    const TOKEN: &'static str = Self::TOKEN;

    fn url(&self) -> String {
        Self::url(self)
    }

    async fn says(&self, chat: i64, user: i64, text: &str) {
        Self::says(self, chat, user, text).await;
    }

    async fn shown(&self, chat: i64) -> Vec<Shown> {
        Self::shown(self, chat).await
    }

    fn notes(&self) -> Vec<(String, String)> {
        Self::notes(self)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        Self::changes(self)
    }
}

/// A host, its bot and its repository.
pub struct Talk<A = BotApi> {
    pub api: A,
    pub host: Host,
    pub remote: Remote,
    /// What the setup printed.
    pub setup: String,
}

impl Talk {
    /// Sets everything up, with Ana as the owner.
    pub async fn start() -> Result<Self> {
        let talk = Self::unpaired().await?;
        talk.pair(ANA, "owner").await?;
        Ok(talk)
    }

    /// The same while nobody is known yet.
    pub async fn unpaired() -> Result<Self> {
        Self::with(HostOptions::default()).await
    }

    /// The same with a configuration of its own.
    pub async fn with(options: HostOptions) -> Result<Self> {
        Self::on(BotApi::start().await, options).await
    }
}

impl<A: Service> Talk<A> {
    /// The same on any Bot API.
    pub async fn on(api: A, options: HostOptions) -> Result<Self> {
        let remote = Remote::with(&[("README.md", "teh start\n"), ("test_a.py", TESTED)])?;
        let options = HostOptions {
            more: format!("{}[telegram]\napi_url = \"{}\"\n", options.more, api.url()),
            ..options
        };
        let host = Host::start(&remote, options).await?;
        let token = host.data_dir().join("bot-token");
        std::fs::write(&token, A::TOKEN)?;
        let token = token.to_string_lossy().into_owned();
        let url = api.url();
        let words = [
            "telegram",
            "setup",
            "--token-file",
            token.as_str(),
            "--api-url",
            url.as_str(),
            "--yes",
        ];
        let setup = host.run(&words)?;
        Ok(Self {
            api,
            host,
            remote,
            setup,
        })
    }

    /// Lets a user in by a code, in their own chat.
    pub async fn pair(&self, user: i64, role: &str) -> Result<()> {
        let said = self.host.run(&["telegram", "pair", "--role", role])?;
        self.enter(user, &said).await
    }

    /// Opens the link that a command printed.
    pub async fn enter(&self, user: i64, said: &str) -> Result<()> {
        let code = code(said)?;
        self.api.says(user, user, &format!("/start {code}")).await;
        self.reads(user, "Welcome").await?;
        Ok(())
    }

    /// Waits until a chat shows such a message; returns the newest.
    pub async fn sees(&self, chat: i64, wanted: impl Fn(&Shown) -> bool) -> Result<Shown> {
        let mut changes = self.api.changes();
        let seen = async {
            loop {
                let shown = self.api.shown(chat).await;
                if let Some(found) = shown.into_iter().rev().find(&wanted) {
                    return anyhow::Ok(found);
                }
                changes.changed().await.context("the service ended")?;
            }
        };
        if let Ok(found) = tokio::time::timeout(PATIENCE, seen).await {
            return found;
        }
        let shown = self.api.shown(chat).await;
        bail!("chat {chat} shows {shown:#?}")
    }

    /// The same for one of the bot's that contains a text.
    pub async fn reads(&self, chat: i64, part: &str) -> Result<Shown> {
        self.sees(chat, |shown| shown.is_own && shown.text.contains(part))
            .await
    }

    /// Waits until a job is there and over, or waits for a person.
    pub async fn settled(&self, id: u64) -> Result<Value> {
        let path = format!("/v1/jobs/{id}");
        self.answers(&path, |status, _| status == 200).await?;
        self.host.settled(id).await
    }

    /// Waits until the API answers as wanted.
    pub async fn answers(&self, path: &str, wanted: impl Fn(u16, &Value) -> bool) -> Result<Value> {
        let asked = async {
            loop {
                let (status, answer) = self.host.call(Method::GET, path, None).await?;
                if wanted(status, &answer) {
                    return anyhow::Ok(answer);
                }
                tokio::task::yield_now().await;
            }
        };
        let answer = tokio::time::timeout(PATIENCE, asked).await;
        answer.with_context(|| format!("{path} answers as it should"))?
    }

    /// Waits until a press was answered; returns the note.
    pub async fn note(&self, press: &str) -> Result<String> {
        let mut changes = self.api.changes();
        let noted = async {
            loop {
                let mut notes = self.api.notes().into_iter();
                if let Some((_, note)) = notes.find(|(id, _)| id == press) {
                    return anyhow::Ok(note);
                }
                changes.changed().await.context("the service ended")?;
            }
        };
        let noted = tokio::time::timeout(PATIENCE, noted).await;
        noted.context("the press is answered")?
    }

    /// Every job, oldest first.
    pub async fn jobs(&self) -> Result<Vec<Value>> {
        let (status, answer) = self.host.call(Method::GET, "/v1/jobs", None).await?;
        ensure!(status == 200, "{answer}");
        let mut jobs = answer["jobs"].as_array().cloned().unwrap_or_default();
        jobs.sort_by_key(|job| job["id"].as_u64());
        Ok(jobs)
    }

    /// Waits until the plugin was told of all that happened so far, and so has
    /// queued what it says about that.
    pub async fn told(&self) -> Result<()> {
        let path = "/v1/deliveries?notifier=telegram&state=pending";
        let none = |_, answer: &Value| answer["deliveries"].as_array().is_some_and(Vec::is_empty);
        self.answers(path, none).await.map(drop)
    }

    /// The rows of the audit log with such an action.
    pub async fn audit(&self, action: &str) -> Result<usize> {
        let log = self.host.run(&["audit", "--json"])?;
        Ok(log.matches(&json!(action).to_string()).count())
    }
}

/// The code in the link that a command printed.
pub fn code(said: &str) -> Result<String> {
    let (_, rest) = said.split_once("start=").context("there is a link")?;
    Ok(rest
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect())
}
