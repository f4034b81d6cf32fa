//! Host bindings generated from `wit/`, one module per surface. Nothing
//! outside this crate sees these types; `surfaces` has those of the API.
#![allow(
    unsafe_code,
    reason = "the generated type implementations are unsafe; none is written here"
)]
#![allow(missing_docs, clippy::all, reason = "generated code")]

pub(crate) mod scanner {
    wasmtime::component::bindgen!({
        path: ["../../wit/host", "../../wit/scanner"],
        world: "sortie:scanner/scanner",
        imports: {
            "sortie:scanner/change.[method]diff.hunks": async | trappable,
            "sortie:scanner/change.[method]diff.page": async | trappable,
            "sortie:scanner/change.[method]diff.before": async | trappable,
            "sortie:scanner/change.[method]diff.after": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        with: { "sortie:scanner/change.diff": crate::diff::Diff },
    });
}

pub(crate) mod budget {
    wasmtime::component::bindgen!({
        path: ["../../wit/host", "../../wit/budget"],
        world: "sortie:budget/budget-profiles",
        exports: { default: async },
        with: { "sortie:host": super::scanner::sortie::host },
    });
}

pub(crate) mod agent {
    wasmtime::component::bindgen!({
        path: ["../../wit/host", "../../wit/agent"],
        world: "sortie:agent/coding-agent",
        exports: { default: async },
        with: { "sortie:host": super::scanner::sortie::host },
    });
}

pub(crate) mod workflow {
    wasmtime::component::bindgen!({
        path: ["../../wit/host", "../../wit/workflow"],
        world: "sortie:workflow/job-workflow",
        exports: { default: async },
        with: { "sortie:host": super::scanner::sortie::host },
    });
}

pub(crate) mod connector {
    wasmtime::component::bindgen!({
        path: ["../../wit/host", "../../wit/connector"],
        world: "sortie:connector/job-connector",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "sortie:host/log": super::scanner::sortie::host::log,
            "sortie:host/config": super::scanner::sortie::host::config,
        },
    });
}

pub(crate) mod notifier {
    wasmtime::component::bindgen!({
        path: ["../../wit/host", "../../wit/notifier"],
        world: "sortie:notifier/job-notifier",
        exports: { default: async },
        with: {
            "sortie:host/log": super::scanner::sortie::host::log,
            "sortie:host/config": super::scanner::sortie::host::config,
            "sortie:host/job-types": super::connector::sortie::host::job_types,
            "sortie:host/http": super::connector::sortie::host::http,
            "sortie:host/chat": super::connector::sortie::host::chat,
            "sortie:host/kv": super::connector::sortie::host::kv,
        },
    });
}
