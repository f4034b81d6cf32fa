//! Outputs of real tools, recorded in `outputs/`, and what is found in them.

use sortie_verify::extract::{Ended, MAX_LINES, extract};
use std::path::Path;

fn recorded(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/outputs")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A recording, the status of the command, what must be found, and what not.
const CASES: &[(&str, i32, &[&str], &[&str])] = &[
    (
        "cargo-test.txt",
        101,
        &[
            "test tests::adds ... FAILED",
            "---- tests::adds stdout ----",
            "the sum is wrong",
            "src/lib.rs:",
            "test result: FAILED",
        ],
        &["test tests::zero ... ok", "Compiling", "RUST_BACKTRACE"],
    ),
    (
        "cargo-build.txt",
        101,
        &[
            "error[E0425]: cannot find value `c`",
            "--> src/lib.rs:",
            "error: could not compile",
        ],
        &["Compiling shop"],
    ),
    (
        "cargo-clippy.txt",
        101,
        &["error: length comparison to zero", "--> src/lib.rs:"],
        &["Checking shop"],
    ),
    (
        "go-test.txt",
        1,
        &[
            "--- FAIL: TestAdd",
            "cart_test.go:12: Add(1, 2) = 4, want 3",
            "FAIL\texample.com/shop/cart",
        ],
        &[],
    ),
    (
        "go-build.txt",
        1,
        &[
            "# example.com/shop/cart",
            "cart.go:3:",
            "undefined: undefined",
        ],
        &[],
    ),
    (
        "go-panic.txt",
        1,
        &[
            "panic: assignment to entry in nil map",
            "--- FAIL: TestFine",
        ],
        &[],
    ),
    (
        "pytest.txt",
        1,
        &[
            "the sum is wrong",
            "test_pt.py:8: AssertionError",
            "RuntimeError: no price",
            "FAILED test_pt.py::test_add[1-2-3]",
            "ERROR test_pt.py::test_price",
        ],
        &["rootdir:", "collected 5 items"],
    ),
    (
        "pytest-collect.txt",
        2,
        &["ImportError: cannot import name 'gone' from 'cart'"],
        &["rootdir:"],
    ),
    (
        "unittest.txt",
        1,
        &[
            "FAIL: test_add (test_cart.Cart",
            "AssertionError: 4 != 3",
            "ValueError: no price",
            "FAILED (failures=1",
        ],
        &["test_small"],
    ),
    (
        "traceback.txt",
        1,
        &[
            "Traceback (most recent call last):",
            "json.decoder.JSONDecodeError: Expecting property name",
        ],
        &[],
    ),
    (
        "node-spec.txt",
        1,
        &["✖ adds", "3 !== 4", "cart.test.js:"],
        &["✔ is empty"],
    ),
    (
        "node-tap.txt",
        1,
        &["not ok 1 - adds", "3 !== 4"],
        &["ok 1 - is empty"],
    ),
    (
        "node-throw.txt",
        1,
        &["TypeError: Cannot read properties of null"],
        &[],
    ),
    (
        "jest.txt",
        1,
        &[
            "● cart › adds",
            "Expected: 4",
            "Received: 3",
            "src/cart.test.js:2",
        ],
        &[],
    ),
    (
        "vitest.txt",
        1,
        &[
            "FAIL  src/cart.spec.mjs > cart > adds",
            "expected 3 to be 4",
        ],
        &[],
    ),
    ("mocha.txt", 1, &["adds", "3 !== 4"], &[]),
    (
        "tsc.txt",
        2,
        &[
            "src/a.ts(1,7): error TS2322",
            "error TS2304: Cannot find name 'missing'",
        ],
        &[],
    ),
    (
        "eslint.txt",
        1,
        &["/src/l.js", "'missing' is not defined"],
        &[],
    ),
    (
        "make-cc.txt",
        2,
        &[
            "error: ‘y’ undeclared",
            "make: *** [Makefile:2: test] Error 1",
        ],
        &[],
    ),
    ("make-generic.txt", 2, &["make: *** ["], &[]),
    (
        "javac.txt",
        1,
        &[
            "Main.java:2: error: incompatible types",
            "Main.java:3: error: cannot find symbol",
            "symbol:   method g()",
        ],
        &[],
    ),
    (
        "maven-test.txt",
        1,
        &[
            "CartTest.adds:21 the sum is wrong ==> expected: <4> but was: <3>",
            "java.lang.NullPointerException: Cannot invoke",
            "at shop.Cart.total(Cart.java:15)",
            "shop.CartTest.sums(int, int, int)[2]",
            "Tests run: 6, Failures: 2, Errors: 1, Skipped: 1",
        ],
        &["[INFO]", "at org.junit", "at java.base", "isEmpty"],
    ),
    (
        "maven-assertj.txt",
        1,
        &[
            "[the sum]",
            "but was: 3",
            "could not find the following element(s):",
            "at shop.CartTest.sums(CartTest.java:41)",
            "Caused by: java.lang.NullPointerException",
            "at shop.Cart.total(Cart.java:15)",
        ],
        &["[INFO]", "... 4 more"],
    ),
    (
        "maven-old.txt",
        1,
        &[
            "adds(shop.CartTest)",
            "the sum is wrong expected:<4> but was:<3>",
            "at shop.CartTest.adds(CartTest.java:19)",
            "at shop.Cart.total(Cart.java:15)",
            "sums[0 and 0](shop.SumTest): expected:<1> but was:<0>",
        ],
        &["[INFO]", "at org.apache.maven", "Running shop"],
    ),
    (
        "maven-compile.txt",
        1,
        &[
            "/work/repo/src/main/java/shop/Cart.java:[14,21] incompatible types",
            "[ERROR]   symbol:   variable rebate",
        ],
        &["[INFO]"],
    ),
    (
        "maven-missing.txt",
        1,
        &["Could not find artifact com.example:prices:jar:2.1"],
        &["[Help 1] http"],
    ),
    (
        "gradle-test.txt",
        1,
        &[
            "shop.CartTest > adds FAILED",
            "java.lang.AssertionError at CartTest.java:19",
            "shop.SumTest > sums[0 and 0] FAILED",
            "6 tests completed, 3 failed, 1 skipped",
            ":test FAILED",
            "> There were failing tests.",
        ],
        &["WARNING", "* Try:"],
    ),
    (
        "gradle-full.txt",
        1,
        &[
            "java.lang.AssertionError: the sum is wrong expected:<4> but was:<3>",
            "at shop.CartTest.adds(CartTest.java:19)",
            "at shop.SumTest.sums(SumTest.java:34)",
        ],
        &["at org.junit"],
    ),
    (
        "gradle-compile.txt",
        1,
        &[
            "Cart.java:14: error: incompatible types",
            "Cart.java:16: error: cannot find symbol",
            "symbol:   variable rebate",
            "> Compilation failed",
        ],
        &["* Try:"],
    ),
    (
        "gradle-missing.txt",
        1,
        &[
            "> Could not find com.example:prices:2.1.",
            "https://repo.example/maven2/com/example/prices/2.1/prices-2.1.jar",
        ],
        &["* Try:"],
    ),
];

/// Recordings of what no change mends, and what is said of it.
const INFRASTRUCTURE: &[(&str, &[&str])] = &[
    (
        "maven-offline.txt",
        &[
            "could not be downloaded",
            "com.example:prices:pom:2.1 from/to shop (http://127.0.0.1:9)",
        ],
    ),
    (
        "maven-proxy.txt",
        &[
            "could not be downloaded",
            "from/to central (https://repo.example/maven2): authorization failed",
        ],
    ),
    (
        "maven-jre.txt",
        &["no JDK", "running on a JRE rather than a JDK"],
    ),
    (
        "gradle-offline.txt",
        &["could not be downloaded", "127.0.0.1:9/com/example"],
    ),
    (
        "gradle-proxy.txt",
        &[
            "could not be downloaded",
            "status code 403 from server: Forbidden",
        ],
    ),
    (
        "gradlew-proxy.txt",
        &["the way out of the sandbox was refused", "403 Forbidden"],
    ),
];

#[test]
fn what_is_wrong_is_found_in_what_each_tool_prints() {
    let mut wrong = Vec::new();
    for (name, status, wanted, unwanted) in CASES {
        let said = extract(&Ended::Code(*status), &recorded(name));
        let missing = wanted.iter().filter(|text| !said.errors.contains(**text));
        let there = unwanted.iter().filter(|text| said.errors.contains(**text));
        for text in missing.chain(there) {
            wrong.push(format!("{name}: {text:?} in:\n{}\n", said.errors));
        }
        assert!(said.errors.lines().count() <= MAX_LINES, "{name}");
        assert_eq!(said.infrastructure, None, "{name}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_no_change_mends_is_told() {
    for (name, words) in INFRASTRUCTURE {
        let why = extract(&Ended::Code(1), &recorded(name)).infrastructure;
        let why = why.unwrap_or_else(|| panic!("{name}"));
        for word in *words {
            assert!(why.contains(word), "{name}: {why}");
        }
    }
}

#[test]
fn each_failure_has_a_mark_of_its_own() {
    let mut seen = std::collections::BTreeMap::new();
    for (name, status, ..) in CASES {
        let mark = extract(&Ended::Code(*status), &recorded(name)).fingerprint;
        assert_eq!(mark.len(), 16, "{name}");
        if let Some(other) = seen.insert(mark, name) {
            panic!("{name} and {other} are told to be the same failure");
        }
    }
}

#[test]
fn a_second_run_of_the_same_failure_has_the_same_mark() {
    for (name, status, ..) in CASES {
        let first = recorded(name);
        // Times, addresses and process numbers are what differs.
        let second: String = first.replace("0.0", "0.1").replace("0x", "0xf");
        let mark = |text: &str| extract(&Ended::Code(*status), text).fingerprint;
        assert_eq!(mark(&first), mark(&second), "{name}");
    }
}

#[test]
fn a_hundred_failures_are_cut_from_both_ends() {
    let many: String = (0..100)
        .map(|n| format!("src/a.ts({n},1): error TS2304: Cannot find name 'x{n}'.\n"))
        .collect();
    let said = extract(&Ended::Code(2), &many);
    assert!(said.errors.starts_with("src/a.ts(0,1)"));
    assert!(said.errors.contains("src/a.ts(99,1)"));
    assert!(
        said.errors
            .ends_with("(39 of 100 lines that tell of the failure; 100 lines were printed)"),
        "{}",
        said.errors
    );
}
