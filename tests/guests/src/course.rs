//! A workflow that asks for what a test says, one decision after the other, and
//! is done after the last, whatever became of the steps.

use crate::{MEMORY, REALLOC, component, data};

/// A step.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// A command for `agent-shell`, whose changes are taken over.
    Writes(&'a str),
    /// A command for `agent-shell`, whose changes are discarded.
    Reads(&'a str),
    /// A command.
    Exec(&'a str),
    /// The project's scanners judge.
    Scan,
}

/// Where the data begins, and where memory that is allocated does.
const BEGIN: u32 = 8_192;
const END: u32 = 131_072;

/// The component. Each decision is a list of steps with their ids.
///
/// # Panics
///
/// When the texts do not fit into two pages.
pub fn course(decisions: &[&[(&str, Step<'_>)]]) -> Vec<u8> {
    let mut memory = Memory {
        at: BEGIN,
        data: String::new(),
    };
    let [agent, agent_len] = memory.text("agent-shell");
    let [done, done_len] = memory.text("done");
    let mut answers = Vec::new();
    for (number, decision) in (1_u8..).zip(decisions) {
        let mut steps = Vec::new();
        for (id, step) in *decision {
            let [id, id_len] = memory.text(id);
            // Of sixteen words: the id, the case of the action, what it says.
            let mut words = [0; 16];
            (words[0], words[1]) = (id, id_len);
            match step {
                Step::Writes(text) | Step::Reads(text) => {
                    let [text, text_len] = memory.text(text);
                    words[4..8].copy_from_slice(&[agent, agent_len, text, text_len]);
                    words[14] = u32::from(matches!(step, Step::Writes(_)));
                }
                Step::Exec(text) => {
                    words[2] = 1;
                    [words[4], words[5]] = memory.text(text);
                }
                Step::Scan => words[2] = 2,
            }
            steps.extend(words);
        }
        // What it remembers is how many it made.
        let [state, _] = memory.put(&[number]);
        let count = u32::try_from(decision.len()).expect("a few");
        let steps = memory.words(&steps);
        answers.push(memory.words(&[state, 1, 0, steps, count]));
    }
    let [state, _] = memory.put(&[0]);
    answers.push(memory.words(&[state, 1, 1, done, done_len]));
    let answers = memory.words(&answers);
    let description = memory.words(&[done, done_len, BEGIN, 0]);
    assert!(memory.at <= END, "it fits into two pages");
    let segments = memory.data;
    let wat = format!(
        r#"(module {MEMORY} {REALLOC} {segments}
  (func (export "sortie:workflow/workflow@0.1.0#describe") (result i32)
    (i32.const {description}))
  (func (export "sortie:workflow/workflow@0.1.0#advance") (param $asked i32) (result i32)
    (local $made i32)
    (if (i32.load offset=84 (local.get $asked))
      (then (local.set $made (i32.load8_u (i32.load offset=80 (local.get $asked))))))
    (i32.load (i32.add (i32.const {answers}) (i32.mul (local.get $made) (i32.const 4))))))"#
    );
    component(&["host", "workflow"], &[], "job-workflow", &wat)
}

/// What stands in memory when the guest begins.
struct Memory {
    at: u32,
    data: String,
}

impl Memory {
    /// Where bytes stand, and how many they are.
    fn put(&mut self, bytes: &[u8]) -> [u32; 2] {
        let here = self.at;
        let count = u32::try_from(bytes.len()).expect("a few");
        self.data += &data(here as usize, bytes);
        self.at = (here + count).next_multiple_of(8);
        [here, count]
    }

    fn text(&mut self, text: &str) -> [u32; 2] {
        self.put(text.as_bytes())
    }

    fn words(&mut self, words: &[u32]) -> u32 {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.put(&bytes)[0]
    }
}
