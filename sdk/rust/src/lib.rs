//! What a plugin for Sortie needs: the change to judge, the findings to give back, configuration,
//! log lines, and a harness that runs a scanner over a diff without any host ([`testing`]).
//!
//! A whole scanner:
//!
//! ```
//! use sortie_sdk::{Change, Finding, Rule, Scanner, Severity};
//!
//! pub struct NoTabs;
//!
//! impl Scanner for NoTabs {
//!     fn rules(&self) -> Vec<Rule> {
//!         vec![Rule::new("tab", "Tab added", "Flags added lines with a tab.", Severity::Info)]
//!     }
//!
//!     fn scan(&self, change: &Change<'_>) -> Vec<Finding> {
//!         let mut findings = Vec::new();
//!         for file in change.files() {
//!             for line in file.added_lines().filter(|line| line.text.contains('\t')) {
//!                 findings.push(file.finding("tab", Severity::Info, &line, "A tab was added."));
//!             }
//!         }
//!         findings
//!     }
//! }
//!
//! sortie_sdk::export_scanner!(NoTabs);
//! ```
//!
//! A scanner is pure: it sees the change and its configuration, and has no file, network, clock or
//! randomness. A panic ends the scan and keeps the gate shut; its message goes to the plugin's log.

#[allow(
    missing_docs,
    unsafe_code,
    reason = "generated; its WIT documents everything"
)]
#[doc(hidden)]
pub mod bindings;
mod change;
pub mod config;
mod finding;
#[doc(hidden)]
pub mod guest;
pub mod log;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use bindings::exports::sortie::scanner::scan::{Finding, Place, Rule, Severity, Side};
pub use bindings::sortie::scanner::change::{ChangeKind, FileChange, Hunk, Line, LineKind};
pub use change::{Change, File};

/// Judges a change before anyone publishes it.
pub trait Scanner {
    /// The rules, in a stable order; a finding names one of them. The host asks once.
    fn rules(&self) -> Vec<Rule>;

    /// Judges one change. At most 1,000 findings; more end the scan with an error.
    fn scan(&self, change: &Change<'_>) -> Vec<Finding>;
}

/// Makes a [`Scanner`] what this component exports. Once per plugin, at the root of its crate.
#[macro_export]
macro_rules! export_scanner {
    ($scanner:expr) => {
        // Elsewhere, such as in `cargo test`, linkers do not take names like `scan@0.1.0#rules`.
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() -> ::std::vec::Vec<$crate::Rule> = || $crate::Scanner::rules(&$scanner);

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Export;

            impl $crate::bindings::exports::sortie::scanner::scan::Guest for Export {
                fn rules() -> ::std::vec::Vec<$crate::Rule> {
                    $crate::guest::rules(&$scanner)
                }

                fn scan(
                    change: &$crate::bindings::sortie::scanner::change::Diff,
                ) -> ::std::vec::Vec<$crate::Finding> {
                    $crate::guest::scan(&$scanner, change)
                }
            }

    $crate::bindings::export_world!(Export with_types_in $crate::bindings);
        };
    };
}
