//! The engine with small limits, and a neighbour that behaves.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use serde_json::Value;
use sortie_guests::answers::{self, Asked};
use sortie_plugins::surfaces::connector::{Event, Payload};
use sortie_plugins::surfaces::notifier::Notification;
use sortie_plugins::{Directory, Limits, PluginError, PluginOptions, Plugins, outside::JobView};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::case::{Act, Case, End, Setting};
use crate::neighbour::{Change, Stranger, Together};

/// Effectful calls at once; small, so that a slot that is lost is missed.
const SLOTS: u32 = 4;

/// What lies beside a granted directory.
pub(crate) const SECRET: &str = "the secret beside the door";

/// The engine, a neighbour, and a directory to escape from.
pub struct Bench {
    plugins: Plugins,
    longest_line: Arc<AtomicUsize>,
    house: tempfile::TempDir,
}

impl Bench {
    /// Loads the neighbour.
    ///
    /// # Errors
    ///
    /// When the engine cannot run here.
    pub async fn new() -> Result<Self, PluginError> {
        let longest_line = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&longest_line);
        let options = PluginOptions {
            concurrent_calls: SLOTS,
            concurrent_effects: SLOTS,
            concurrent_parsers: 1,
            limits: Limits {
                table_elements: 1_000,
                log_lines: 10,
                host_calls: 2_000,
                transfer_bytes: 8 << 20,
                ..Limits::default()
            },
            ..PluginOptions::default()
        }
        .with_log_sink(move |line| {
            seen.fetch_max(line.message.len(), Relaxed);
        });
        let plugins = Plugins::new(options)?;
        let hello = answers::sender(&Asked::get("https://example.com/"), 1);
        let hello = sortie_guests::component(&["host", "connector"], &[], "job-connector", &hello);
        plugins
            .load("honest", sortie_guests::honest("severe"), Value::Null)
            .await?;
        plugins.load("polite", hello, Value::Null).await?;
        let house = house().map_err(|error| PluginError::Setup {
            reason: error.to_string(),
        })?;
        Ok(Self {
            plugins,
            longest_line,
            house,
        })
    }

    /// Does with a component what its case says, and tells how that ended.
    pub async fn run(&self, case: &Case) -> End {
        match self.attempt(case).await {
            Ok(end) => end,
            Err(error) => End::of(&error),
        }
    }

    /// The same, with the host's own words.
    ///
    /// # Errors
    ///
    /// What the host says of it.
    pub async fn attempt(&self, case: &Case) -> Result<End, PluginError> {
        self.load(case).await?;
        let end = self.call(case).await;
        self.plugins.remove(&case.name);
        end
    }

    /// Gives a component its name and what it is granted.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub async fn load(&self, case: &Case) -> Result<(), PluginError> {
        let mut limits = case.limits.clone();
        if !matches!(case.setting, Setting::Plain | Setting::Silent) {
            limits.directories = vec![Directory {
                guest: "/door".into(),
                host: self.house.path().join("door"),
                writable: case.setting != Setting::ReadOnly,
            }];
        }
        let wasm = case.wasm.clone();
        let plugins = &self.plugins;
        let prepared = plugins
            .prepare(&case.name, wasm, Value::Null, limits)
            .await?;
        plugins.activate(prepared);
        Ok(())
    }

    /// One call of a loaded component.
    ///
    /// # Errors
    ///
    /// What it ends in.
    pub async fn call(&self, case: &Case) -> Result<End, PluginError> {
        let door = self.house.path().join("door");
        let _swapping = (case.setting == Setting::Swapped).then(|| Swapping::begin(&door));
        self.act(case).await
    }

    async fn act(&self, case: &Case) -> Result<End, PluginError> {
        let (plugins, name) = (&self.plugins, case.name.as_str());
        let stranger = Box::new(Stranger {
            silent: case.setting == Setting::Silent,
        });
        match case.act {
            Act::Load => Ok(End::Fine),
            Act::Receive => {
                let turn = plugins.turn(name).await?;
                let reply = plugins.receive(name, &turn, event(), stranger).await?;
                Ok(End::of_reply(reply))
            }
            Act::Notify => {
                let turn = plugins.turn(name).await?;
                plugins
                    .notify(name, &turn, notification(), "key".into(), stranger)
                    .await?;
                Ok(End::Fine)
            }
            Act::Rules => plugins.rules(name).await.map(|_| End::Fine),
            Act::Scan => plugins
                .scan(name, Change::shared())
                .await
                .map(|_| End::Fine),
            Act::Profiles => plugins.budget_profiles(name).await.map(|_| End::Fine),
        }
    }

    /// One scan of the neighbour; the number of its findings, which is 1.
    ///
    /// # Errors
    ///
    /// When a hostile plugin got in its way.
    pub async fn neighbour(&self) -> Result<usize, PluginError> {
        let found = self.plugins.scan("honest", Change::shared()).await?;
        Ok(found.len())
    }

    /// Calls that only return when every effectful slot holds one of them;
    /// how many there were.
    ///
    /// # Errors
    ///
    /// When a slot is not free.
    pub async fn fill(&self) -> Result<usize, PluginError> {
        let slots = usize::try_from(SLOTS).unwrap_or(usize::MAX);
        let barrier = Arc::new(Barrier::new(slots));
        let mut calls = JoinSet::new();
        for _ in 0..slots {
            let (plugins, barrier) = (self.plugins.clone(), Arc::clone(&barrier));
            calls.spawn(async move {
                let turn = plugins.turn("polite").await?;
                plugins
                    .receive("polite", &turn, event(), Box::new(Together(barrier)))
                    .await
            });
        }
        let mut done = 0;
        while let Some(call) = calls.join_next().await {
            let reply = call.map_err(|error| PluginError::Setup {
                reason: error.to_string(),
            })??;
            done += usize::from(End::of_reply(reply) == End::told("ok"));
        }
        Ok(done)
    }

    /// What is loaded: the neighbours alone, after each case.
    pub fn loaded(&self) -> Vec<String> {
        let list = self.plugins.list();
        list.into_iter().map(|info| info.name).collect()
    }

    /// Bytes of the longest line that reached the log.
    pub fn longest_line(&self) -> usize {
        self.longest_line.load(Relaxed)
    }

    /// Whether everything outside of the granted directory is as it was.
    pub fn is_untouched(&self) -> bool {
        let house = self.house.path();
        let names = |path: &Path| -> Vec<String> {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            let mut names: Vec<String> = entries
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect();
            names.sort();
            names
        };
        names(house) == ["beside", "door"]
            && names(&house.join("beside")) == ["secret"]
            && fs::read(house.join("beside/secret")).is_ok_and(|text| text == SECRET.as_bytes())
            && fs::read(house.join("door/readable")).is_ok_and(|text| text == b"readable")
    }
}

/// `door` is granted; `beside` holds the secret; links in `door` lead there.
fn house() -> std::io::Result<tempfile::TempDir> {
    let house = tempfile::tempdir()?;
    let at = |name: &str| house.path().join(name);
    fs::create_dir_all(at("door/inner"))?;
    fs::create_dir(at("beside"))?;
    fs::write(at("beside/secret"), SECRET)?;
    fs::write(at("door/readable"), "readable")?;
    symlink("../beside/secret", at("door/link"))?;
    symlink(at("beside/secret"), at("door/absolute-link"))?;
    symlink("../beside", at("door/directory-link"))?;
    symlink("loop-b", at("door/loop-a"))?;
    symlink("loop-a", at("door/loop-b"))?;
    Ok(house)
}

/// Somebody who swaps `swap` between a directory with a harmless file `secret`
/// and a link to the directory with the real one, until this is dropped.
struct Swapping {
    over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// More swaps than any call has time for.
const MOST_SWAPS: u32 = 100_000_000;

impl Swapping {
    fn begin(door: &Path) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (stop, door) = (Arc::clone(&over), door.to_owned());
        let thread = std::thread::spawn(move || {
            let (swap, real, link) = (door.join("swap"), door.join("real"), door.join("out"));
            // Whatever fails here fails the guest's reads too, which its case
            // takes for held.
            let _ = fs::create_dir_all(&real);
            let _ = fs::write(real.join("secret"), "harmless");
            let _ = symlink("../beside", &link);
            for _ in 0..MOST_SWAPS {
                if stop.load(Relaxed) {
                    break;
                }
                let _ = fs::rename(&real, &swap);
                let _ = fs::rename(&swap, &real);
                let _ = fs::rename(&link, &swap);
                let _ = fs::rename(&swap, &link);
            }
            let _ = fs::remove_dir_all(&real);
            let _ = fs::remove_file(&link);
        });
        Self {
            over,
            thread: Some(thread),
        }
    }
}

impl Drop for Swapping {
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // It has nothing that panics.
            let _ = thread.join();
        }
    }
}

fn event() -> Event {
    Event {
        id: 1,
        source: "hook".into(),
        received_at_ms: 1,
        attempt: 1,
        sender: None,
        payload: Payload::Http {
            method: "POST".into(),
            path: "/".into(),
            query: String::new(),
            headers: Vec::new(),
            body: b"{}".to_vec(),
        },
    }
}

fn notification() -> Notification {
    Notification {
        seq: 1,
        at_ms: 1,
        kind: "job.succeeded".into(),
        data: "{}".into(),
        job: JobView {
            id: 1,
            project: "shop".into(),
            state: "succeeded".into(),
            is_final: true,
            title: "a task".into(),
            requested_by: "ann".into(),
            branch: None,
            asked_commit: None,
            detail: None,
            created_at_ms: 1,
            updated_at_ms: 1,
        },
    }
}
