//! Which language a file is written in, by its name.

/// The languages whose tests the scanner understands as units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// Rust.
    Rust,
    /// Go.
    Go,
    /// Python.
    Python,
    /// JavaScript and TypeScript with their JSX dialects.
    Js,
    /// Java and Groovy.
    Java,
    /// Kotlin and Scala.
    Kotlin,
    /// Ruby.
    Ruby,
    /// C#.
    CSharp,
    /// C and C++.
    Cpp,
    /// Anything else: configuration, data, prose.
    Other,
}

impl Lang {
    /// The language of the file at `path`.
    pub fn of(path: &str) -> Lang {
        let name = path.rsplit('/').next().unwrap_or(path);
        let Some((_, ext)) = name.rsplit_once('.') else {
            return if name == "Rakefile" || name == "Gemfile" {
                Lang::Ruby
            } else {
                Lang::Other
            };
        };
        match ext {
            "rs" => Lang::Rust,
            "go" => Lang::Go,
            "py" | "pyi" => Lang::Python,
            "js" | "jsx" | "ts" | "tsx" | "mjs" | "cjs" | "mts" | "cts" | "vue" | "svelte" => {
                Lang::Js
            }
            "java" | "groovy" => Lang::Java,
            "kt" | "kts" | "scala" => Lang::Kotlin,
            "rb" | "rake" => Lang::Ruby,
            "cs" => Lang::CSharp,
            "c" | "cc" | "cpp" | "cxx" | "h" | "hh" | "hpp" | "hxx" | "inl" | "ipp" => Lang::Cpp,
            _ => Lang::Other,
        }
    }

    /// Whether a block is a pair of braces.
    pub fn has_braces(self) -> bool {
        !matches!(self, Lang::Python | Lang::Ruby | Lang::Other)
    }
}
