//! Guests of the pure surfaces that behave as well as any, with one function
//! to exchange for one that does not.

use crate::{MEMORY, REALLOC, component, data};

/// Words at fixed addresses: `r` at 96, `severe` at 128; at 32 a list's three
/// texts `r`; at 1024 zeros.
const WORDS: &str = r#"
  (data (i32.const 32) "\60\00\00\00\01\00\00\00\60\00\00\00\01\00\00\00\60\00\00\00\01\00\00\00")
  (data (i32.const 96) "r")
  (data (i32.const 128) "severe")
"#;

/// A budget plugin by the bodies of its functions.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Of `profiles`: the address of the list.
    pub profiles: String,
    /// Of `resolve`, with the profile's `$named`, `$at` and `$len`, and
    /// `$project-len`.
    pub resolve: String,
    /// Of `evaluate`: 1024 to allow, 2200 to deny, 2216 to ask; with `$calls`, `$cost` and `$time`, the same of the
    /// limits (`$max-calls`…), and `$more-calls` and `$more-cost`.
    pub evaluate: String,
}

/// The limits of the profile `r`, which follow its name and summary.
const PROFILE: usize = 2_048;

impl Default for Budget {
    /// One profile, `r`, of ten calls, a thousandth of a dollar and a minute.
    fn default() -> Self {
        Self {
            profiles: "(i32.const 2040)".into(),
            resolve: "(if (result i32) (i32.and (local.get $named)
                 (i32.or (i32.ne (local.get $len) (i32.const 1))
                   (i32.ne (call $first (local.get $at) (local.get $len)) (i32.const 114))))
               (then (i32.const 2112))
               (else (i32.const 2152)))"
                .into(),
            evaluate: "(if (result i32)
               (i32.or
                 (i32.or
                   (i64.gt_u (i64.add (i64.extend_i32_u (local.get $calls))
                                      (i64.extend_i32_u (local.get $more-calls)))
                             (i64.extend_i32_u (local.get $max-calls)))
                   (i64.gt_u (local.get $time) (local.get $max-time)))
                 (i32.or
                   (i64.gt_u (local.get $cost) (local.get $max-cost))
                   (i64.gt_u (local.get $more-cost)
                             (i64.sub (local.get $max-cost) (local.get $cost)))))
               (then (i32.const 2200))
               (else (i32.const 1024)))"
                .into(),
        }
    }
}

impl Budget {
    /// The component.
    pub fn build(&self) -> Vec<u8> {
        let limits = |calls: u64| [calls, 1_000, 60_000].map(u64::to_le_bytes).concat();
        let words = |words: &[u32]| {
            words
                .iter()
                .flat_map(|w| w.to_le_bytes())
                .collect::<Vec<_>>()
        };
        let profile = [words(&[96, 1, 128, 6]), limits(10)].concat();
        let segments = [
            data(2_040, words(&[2_048, 1])),
            data(PROFILE, profile),
            // A refusal: the profile is unknown, and there is `r`.
            data(2_112, words(&[1, 0, 0, 32, 1])),
            // Limits.
            data(2_152, [words(&[0, 0]), limits(10)].concat()),
            // `deny`, with a word.
            data(2_200, words(&[3, 128, 6])),
            // `ask`, with a word; and limits of a call more than the profile's.
            data(2_216, words(&[2, 128, 6])),
            data(2_304, [words(&[0, 0]), limits(11)].concat()),
        ]
        .concat();
        let Self {
            profiles,
            resolve,
            evaluate,
        } = self;
        let wat = format!(
            r#"(module {MEMORY} {WORDS} {REALLOC} {segments}
  (func $first (param $at i32) (param $len i32) (result i32)
    (if (result i32) (local.get $len) (then (i32.load8_u (local.get $at))) (else (i32.const 0))))
  (func (export "sortie:budget/budget@0.1.0#profiles") (result i32) {profiles})
  (func (export "sortie:budget/budget@0.1.0#resolve")
    (param $project i32) (param $project-len i32)
    (param $named i32) (param $at i32) (param $len i32)
    (param i32 i32 i32 i32) (result i32)
    {resolve})
  (func (export "sortie:budget/budget@0.1.0#evaluate")
    (param $calls i32) (param $cost i64) (param $time i64)
    (param $max-calls i32) (param $max-cost i64) (param $max-time i64)
    (param $more-calls i32) (param $more-cost i64) (result i32)
    {evaluate}))"#
        );
        component(&["host", "budget"], &[], "budget-profiles", &wat)
    }
}

/// An agent plugin by the bodies of its functions.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Of `plan`, with the prompt's `$at` and `$len`, the workspace's `$dir`
    /// and `$dir-len`, `$model` and `$nudged`.
    pub plan: String,
    /// Of `push`, with the bytes' `$at` and `$len`.
    pub push: String,
    /// Of `finish`, with `$exit` and its `$code`.
    pub finish: String,
}

impl Default for Agent {
    /// Launches `r` in the workspace, takes no nudge and has nothing to say of
    /// what it prints.
    fn default() -> Self {
        Self {
            plan: "(if (local.get $nudged) (then
                 (i32.store (i32.const 2048) (i32.const 1))
                 (i32.store (i32.const 2052) (i32.const 128))
                 (i32.store (i32.const 2056) (i32.const 6))
                 (return (i32.const 2048))))
               (i32.store (i32.const 2052) (i32.const 32))
               (i32.store (i32.const 2056) (i32.const 1))
               (i32.store (i32.const 2068) (local.get $dir))
               (i32.store (i32.const 2072) (local.get $dir-len))
               (i32.const 2048)"
                .into(),
            push: "(i32.const 1024)".into(),
            // Completed after the exit status 0, else failed.
            finish: "(i32.store8 (i32.const 2128) (i32.ne (i32.const 0)
                 (i32.or (local.get $exit) (local.get $code))))
               (i32.const 2112)"
                .into(),
        }
    }
}

impl Agent {
    /// The component. At 4096 is a list of one event, a turn.
    pub fn build(&self) -> Vec<u8> {
        let Self { plan, push, finish } = self;
        let wat = format!(
            r#"(module
  (import "[export]sortie:agent/agent@0.1.0" "[resource-new]parser"
    (func $new (param i32) (result i32)))
  {MEMORY} {WORDS}
  (data (i32.const 4096) "\08\10\00\00\01\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00")
  ;; Nothing outlives a call: each begins to allocate at the same place.
  (global $bump (mut i32) (i32.const 131072))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $bump) (i32.const 7)) (i32.const -8)))
    (global.set $bump (i32.add (local.get $at) (local.get $size)))
    (if (i32.gt_u (global.get $bump) (i32.mul (memory.size) (i32.const 65536)))
      (then (drop (memory.grow (i32.const 16)))))
    (local.get $at))
  (func $reset (global.set $bump (i32.const 131072)))
  (func (export "sortie:agent/agent@0.1.0#[constructor]parser") (result i32)
    (call $new (i32.const 1)))
  (func (export "sortie:agent/agent@0.1.0#[method]parser.push")
    (param $self i32) (param $source i32) (param $at i32) (param $len i32) (result i32)
    (call $reset)
    {push})
  (func (export "sortie:agent/agent@0.1.0#[method]parser.finish")
    (param $self i32) (param $exit i32) (param $code i32) (param i32) (result i32)
    {finish})
  (func (export "sortie:agent/agent@0.1.0#plan")
    (param $task i32) (result i32)
    (local $at i32) (local $len i32) (local $dir i32) (local $dir-len i32) (local $model i32)
    (local $nudged i32)
    (local.set $at (i32.load (local.get $task)))
    (local.set $len (i32.load offset=4 (local.get $task)))
    (local.set $dir (i32.load offset=28 (local.get $task)))
    (local.set $dir-len (i32.load offset=32 (local.get $task)))
    (local.set $model (i32.load8_u offset=56 (local.get $task)))
    (local.set $nudged (i32.load8_u offset=104 (local.get $task)))
    {plan}))"#
        );
        component(&["host", "agent"], &[], "coding-agent", &wat)
    }
}

/// A workflow by the bodies of its functions.
#[derive(Clone, Debug)]
pub struct Workflow {
    /// Of `describe`: the address of the description, 3040, or 3056 for one
    /// without a summary.
    pub describe: String,
    /// Of `advance`, with `$state` and `$state-len`, `$results` and `$count`.
    /// Answers stand in [`workflow`].
    pub advance: String,
}

/// Answers of `advance`.
pub mod workflow {
    /// `first`, and done when its step is; a halt on what was not asked for.
    pub fn after(first: &str) -> String {
        format!(
            "(if (i32.eqz (local.get $state-len)) (then (return {first})))
             (if (call $mine (local.get $state) (local.get $state-len)
                   (local.get $results) (local.get $count))
               (then (return {FINISH})))
             {HALT}"
        )
    }

    /// Remember `s`, and tell people in a step `r`.
    pub const TELL: &str = "(i32.const 3072)";
    /// Remember `s`, and publish in a step `r`.
    pub const PUBLISH: &str = "(i32.const 3104)";
    /// The job is done.
    pub const FINISH: &str = "(i32.const 3136)";
    /// The job stops.
    pub const HALT: &str = "(i32.const 3168)";
    /// Remember `s`, and tell people in a step that is no phase.
    pub const TELL_OTHER: &str = "(i32.const 3200)";
}

impl Default for Workflow {
    /// Tells people, and is done when that is.
    fn default() -> Self {
        Self {
            describe: "(i32.const 3040)".into(),
            advance: workflow::after(workflow::TELL),
        }
    }
}

impl Workflow {
    /// The component.
    pub fn build(&self) -> Vec<u8> {
        let words = |words: &[u32]| {
            words
                .iter()
                .flat_map(|w| w.to_le_bytes())
                .collect::<Vec<_>>()
        };
        // A step of sixteen words: its id, the case of its action, its first text.
        let step = |id: [u32; 2], action: u32| {
            let mut step = [0; 16];
            step[..6].copy_from_slice(&[id[0], id[1], action, 0, 96, 1]);
            words(&step)
        };
        let run = |step: u32| words(&[98, 1, 0, step, 1]);
        let segments = [
            data(98, "s"),
            data(100, "other"),
            // "severe", and the one phase `r`.
            data(3_040, words(&[128, 6, 32, 1])),
            // The same without a summary.
            data(3_056, words(&[128, 0, 32, 1])),
            data(3_072, run(3_232)),
            data(3_104, run(3_296)),
            data(3_136, words(&[98, 1, 1, 128, 6])),
            data(3_168, words(&[98, 1, 4, 5, 128, 6])),
            data(3_200, run(3_360)),
            data(3_232, step([96, 1], 5)),
            data(3_296, step([96, 1], 4)),
            data(3_360, step([100, 5], 5)),
        ]
        .concat();
        let Self { describe, advance } = self;
        let wat = format!(
            r#"(module {MEMORY} {WORDS} {REALLOC} {segments}
  ;; Whether the state is `s`, and the step `r` was done or failed.
  (func $mine (param $state i32) (param $len i32) (param $results i32) (param $count i32)
    (result i32)
    (if (i32.ne (local.get $len) (i32.const 1)) (then (return (i32.const 0))))
    (if (i32.ne (i32.load8_u (local.get $state)) (i32.const 115)) (then (return (i32.const 0))))
    (if (i32.ne (local.get $count) (i32.const 1)) (then (return (i32.const 0))))
    ;; Its own are named `r` or `other`.
    (if (i32.gt_u (i32.load offset=4 (local.get $results)) (i32.const 5))
      (then (return (i32.const 0))))
    (i32.ne (i32.load8_u offset=8 (local.get $results)) (i32.const 7)))
  (func (export "sortie:workflow/workflow@0.1.0#describe") (result i32) {describe})
  (func (export "sortie:workflow/workflow@0.1.0#advance") (param $asked i32) (result i32)
    (local $state i32) (local $state-len i32) (local $results i32) (local $count i32)
    (local.set $state (i32.load offset=80 (local.get $asked)))
    (local.set $state-len (i32.load offset=84 (local.get $asked)))
    (local.set $results (i32.load offset=88 (local.get $asked)))
    (local.set $count (i32.load offset=92 (local.get $asked)))
    {advance}))"#
        );
        component(&["host", "workflow"], &[], "job-workflow", &wat)
    }
}
