//! The one thread that advances the epoch of every engine of the process, so
//! that guests look at their limits. It holds engines weakly and never keeps
//! one alive; it sleeps for good while there is none.

use std::{
    sync::{Condvar, Mutex, OnceLock, PoisonError},
    thread,
};

use wasmtime::{Engine, EngineWeak};

use crate::options::TICK;

struct Ticker {
    engines: Mutex<Vec<EngineWeak>>,
    arrival: Condvar,
}

/// Has `engine` ticked from now on until it is dropped.
///
/// # Errors
///
/// When the thread cannot be started.
pub(crate) fn register(engine: &Engine) -> std::io::Result<()> {
    static TICKER: OnceLock<Ticker> = OnceLock::new();
    static STARTED: Mutex<bool> = Mutex::new(false);

    let ticker = TICKER.get_or_init(|| Ticker {
        engines: Mutex::new(Vec::new()),
        arrival: Condvar::new(),
    });
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if !*started {
        thread::Builder::new()
            .name("plugin-epochs".into())
            .spawn(|| tick(ticker))?;
        *started = true;
    }
    ticker
        .engines
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(engine.weak());
    ticker.arrival.notify_one();
    Ok(())
}

fn tick(ticker: &Ticker) -> ! {
    loop {
        let mut engines = ticker
            .engines
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while engines.is_empty() {
            engines = ticker
                .arrival
                .wait(engines)
                .unwrap_or_else(PoisonError::into_inner);
        }
        engines.retain(|weak| {
            let engine = weak.upgrade();
            if let Some(engine) = &engine {
                engine.increment_epoch();
            }
            engine.is_some()
        });
        drop(engines);
        thread::sleep(TICK);
    }
}
