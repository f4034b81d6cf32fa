//! The wasmtime engine: one configuration for all plugins, made so that a
//! guest computes the same everywhere and holds only what a slot of the pool
//! gives it.

use std::num::NonZeroUsize;

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    component::{HasSelf, Linker},
};

use crate::{
    bindings::{connector::sortie as effects, scanner::sortie},
    call::CallState,
    options::{FIBER_STACK_BYTES, PluginOptions, WASM_STACK_BYTES},
    ticker,
};

/// Address space of one linear memory; each guest is granted less by its own
/// limits. Nothing is committed before it is touched.
const SLOT_MEMORY_BYTES: usize = 256 << 20;

/// Memory of a slot that is put back by hand between calls instead of given
/// back to the kernel: small guests then run without page faults, and the pool
/// keeps at most this much per slot. Where the kernel tells which pages were
/// written (Linux 6.7), those alone count.
const SLOT_RESIDENT_BYTES: usize = 256 << 10;

/// Memories and tables an average component has; the pool holds this many per
/// slot. Single components may have as many as their limits say.
const AVERAGE_MEMORIES: u32 = 2;
const AVERAGE_TABLES: u32 = 4;
const AVERAGE_INSTANCES: u32 = 16;

/// Frames of a guest's backtrace that are collected at all.
const BACKTRACE_FRAMES: NonZeroUsize = NonZeroUsize::new(16).expect("not zero");

/// Makes the engine, from a pool when the address space allows it.
///
/// # Errors
///
/// When wasmtime does not support this machine, or no thread can be started.
pub(crate) fn engine(options: &PluginOptions) -> wasmtime::Result<Engine> {
    let mut pooled = config();
    pooled.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(options)));
    let engine = match Engine::new(&pooled) {
        Ok(engine) => engine,
        Err(error) => {
            tracing::warn!(
                error = format!("{error:#}"),
                "plugins run without a memory pool, a little slower: the address space could not be reserved; raise the limit on virtual memory (ulimit -v) or lower plugins.concurrent_calls"
            );
            Engine::new(&config())?
        }
    };
    ticker::register(&engine)?;
    Ok(engine)
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES)
        .cranelift_opt_level(OptLevel::Speed)
        // The same input gives the same bits, whatever the processor.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        // No guest needs more than 4 GiB, and none shares memory.
        .wasm_memory64(false)
        .wasm_backtrace_max_frames(Some(BACKTRACE_FRAMES));
    config
}

fn pool(options: &PluginOptions) -> PoolingAllocationConfig {
    let slots = options
        .concurrent_calls
        .saturating_add(options.concurrent_effects)
        .saturating_add(options.concurrent_parsers)
        .max(1);
    let limits = &options.limits;
    let per_component = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let at_least =
        |average: u32, most: usize| slots.saturating_mul(average).max(per_component(most));
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_stacks(slots)
        .total_core_instances(at_least(AVERAGE_INSTANCES, limits.instances))
        .total_memories(at_least(AVERAGE_MEMORIES, limits.memories))
        .total_tables(at_least(AVERAGE_TABLES, limits.tables))
        .max_core_instances_per_component(per_component(limits.instances))
        .max_memories_per_component(per_component(limits.memories))
        .max_tables_per_component(per_component(limits.tables))
        .max_memory_size(SLOT_MEMORY_BYTES.max(limits.memory_bytes))
        .table_elements(limits.table_elements)
        .max_unused_warm_slots(slots)
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(SLOT_RESIDENT_BYTES)
        .table_keep_resident(64 << 10);
    pool
}

/// Links everything any surface may import; what one component may is decided
/// before, by its imports.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<CallState>> {
    let mut linker = Linker::new(engine);
    sortie::host::log::add_to_linker::<_, HasSelf<_>>(&mut linker, |s: &mut CallState| s)?;
    sortie::host::config::add_to_linker::<_, HasSelf<_>>(&mut linker, |s: &mut CallState| s)?;
    sortie::scanner::change::add_to_linker::<_, HasSelf<_>>(&mut linker, |s: &mut CallState| s)?;
    effects::host::http::add_to_linker::<_, HasSelf<_>>(&mut linker, |s: &mut CallState| s)?;
    effects::host::jobs::add_to_linker::<_, HasSelf<_>>(&mut linker, |s: &mut CallState| s)?;
    effects::host::chat::add_to_linker::<_, HasSelf<_>>(&mut linker, |s: &mut CallState| s)?;
    effects::host::kv::add_to_linker::<_, HasSelf<_>>(&mut linker, |s: &mut CallState| s)?;
    effects::host::job_types::add_to_linker::<_, HasSelf<_>>(&mut linker, |s: &mut CallState| s)?;
    effects::connector::events::add_to_linker::<_, HasSelf<_>>(&mut linker, |s: &mut CallState| s)?;
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    Ok(linker)
}
