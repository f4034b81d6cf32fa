;; The tiny scanner of the benchmarks as a plugin of extism: it flags every
;; added line of a unified diff that ignores a test in Rust, as
;; `path:line: text`. Written by hand, so that a call of it measures extism and
;; next to nothing else.
(module
  (import "extism:host/env" "input_length" (func $input-length (result i64)))
  (import "extism:host/env" "input_load_u64" (func $load-8 (param i64) (result i64)))
  (import "extism:host/env" "input_load_u8" (func $load-1 (param i64) (result i32)))
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u64" (func $store-8 (param i64 i64)))
  (import "extism:host/env" "store_u8" (func $store-1 (param i64 i32)))
  (import "extism:host/env" "output_set" (func $output-set (param i64 i64)))

  ;; The first page holds the change, the second what was found.
  (memory (export "memory") 2)
  (global $out (mut i32) (i32.const 65536))

  (func $put (param $byte i32)
    (i32.store8 (global.get $out) (local.get $byte))
    (global.set $out (i32.add (global.get $out) (i32.const 1))))

  (func $put-text (param $at i32) (param $length i32)
    (memory.copy (global.get $out) (local.get $at) (local.get $length))
    (global.set $out (i32.add (global.get $out) (local.get $length))))

  (func $put-number (param $number i32)
    (if (i32.ge_u (local.get $number) (i32.const 10))
      (then (call $put-number (i32.div_u (local.get $number) (i32.const 10)))))
    (call $put (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10)))))

  ;; The digits from an address on: the number, and where it ends.
  (func $number (param $at i32) (result i32 i32)
    (local $sum i32) (local $digit i32)
    (block $end
      (loop $next
        (local.set $digit (i32.sub (i32.load8_u (local.get $at)) (i32.const 48)))
        (br_if $end (i32.gt_u (local.get $digit) (i32.const 9)))
        (local.set $sum
          (i32.add (i32.mul (local.get $sum) (i32.const 10)) (local.get $digit)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (local.get $sum) (local.get $at))

  ;; Whether `#[ignore` stands in the text.
  (func $ignores (param $at i32) (param $length i32) (result i32)
    (local $end i32)
    (local.set $end
      (i32.sub (i32.add (local.get $at) (local.get $length)) (i32.const 8)))
    (loop $next
      (if (i32.gt_s (local.get $at) (local.get $end)) (then (return (i32.const 0))))
      (if (i64.eq (i64.load align=1 (local.get $at)) (i64.const 0x65726f6e67695b23))
        (then (return (i32.const 1))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next))
    unreachable)

  ;; Copies the change into this memory; its end.
  (func $read (result i32)
    (local $at i32) (local $length i32)
    (local.set $length (i32.wrap_i64 (call $input-length)))
    ;; What does not fit is none of the benchmark's.
    (if (i32.gt_u (local.get $length) (i32.const 65528)) (then unreachable))
    (block $eights
      (loop $next
        (br_if $eights
          (i32.gt_u (i32.add (local.get $at) (i32.const 8)) (local.get $length)))
        (i64.store (local.get $at) (call $load-8 (i64.extend_i32_u (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br $next)))
    (block $ones
      (loop $next
        (br_if $ones (i32.ge_u (local.get $at) (local.get $length)))
        (i32.store8 (local.get $at) (call $load-1 (i64.extend_i32_u (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (local.get $length))

  ;; Hands what was found to the host.
  (func $write
    (local $at i32) (local $to i64)
    (local.set $to
      (call $alloc (i64.extend_i32_u (i32.sub (global.get $out) (i32.const 65536)))))
    (call $output-set (local.get $to)
      (i64.extend_i32_u (i32.sub (global.get $out) (i32.const 65536))))
    (local.set $at (i32.const 65536))
    (block $eights
      (loop $next
        (br_if $eights
          (i32.gt_u (i32.add (local.get $at) (i32.const 8)) (global.get $out)))
        (call $store-8 (local.get $to) (i64.load (local.get $at)))
        (local.set $to (i64.add (local.get $to) (i64.const 8)))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br $next)))
    (block $ones
      (loop $next
        (br_if $ones (i32.ge_u (local.get $at) (global.get $out)))
        (call $store-1 (local.get $to) (i32.load8_u (local.get $at)))
        (local.set $to (i64.add (local.get $to) (i64.const 1)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next))))

  (func (export "scan") (result i32)
    (local $at i32) (local $end i32) (local $eol i32) (local $first i32)
    (local $path i32) (local $path-length i32)
    ;; The new side: the number of the next line, and how many the hunk still has.
    (local $line i32) (local $left i32)
    (local.set $end (call $read))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $eol (local.get $at))
        (block $found
          (loop $further
            (br_if $found (i32.ge_u (local.get $eol) (local.get $end)))
            (br_if $found (i32.eq (i32.load8_u (local.get $eol)) (i32.const 10)))
            (local.set $eol (i32.add (local.get $eol) (i32.const 1)))
            (br $further)))
        (local.set $first (i32.load8_u (local.get $at)))
        (if (local.get $left)
          (then
            ;; A line of a hunk: added, or on both sides.
            (if (i32.or
                  (i32.eq (local.get $first) (i32.const 43))
                  (i32.eq (local.get $first) (i32.const 32)))
              (then
                (if (i32.and
                      (i32.eq (local.get $first) (i32.const 43))
                      (call $ignores (i32.add (local.get $at) (i32.const 1))
                        (i32.sub (local.get $eol) (i32.add (local.get $at) (i32.const 1)))))
                  (then
                    (call $put-text (local.get $path) (local.get $path-length))
                    (call $put (i32.const 58))
                    (call $put-number (local.get $line))
                    (call $put (i32.const 58))
                    (call $put (i32.const 32))
                    (call $put-text (i32.add (local.get $at) (i32.const 1))
                      (i32.sub (local.get $eol) (i32.add (local.get $at) (i32.const 1))))
                    (call $put (i32.const 10))))
                (local.set $line (i32.add (local.get $line) (i32.const 1)))
                (local.set $left (i32.sub (local.get $left) (i32.const 1))))))
          (else
            ;; `+++ b/path`
            (if (i32.and
                  (i32.eq (i32.load align=1 (local.get $at)) (i32.const 0x202b2b2b))
                  (i32.gt_u (local.get $eol) (i32.add (local.get $at) (i32.const 6))))
              (then
                (local.set $path (i32.add (local.get $at) (i32.const 6)))
                (local.set $path-length (i32.sub (local.get $eol) (local.get $path)))))
            ;; `@@ -a,b +c,d @@`
            (if (i32.eq (i32.load16_u align=1 (local.get $at)) (i32.const 0x4040))
              (then
                (block $plus
                  (loop $further
                    (br_if $plus (i32.ge_u (local.get $at) (local.get $eol)))
                    (br_if $plus (i32.eq (i32.load8_u (local.get $at)) (i32.const 43)))
                    (local.set $at (i32.add (local.get $at) (i32.const 1)))
                    (br $further)))
                (call $number (i32.add (local.get $at) (i32.const 1)))
                (local.set $at)
                (local.set $line)
                (local.set $left (i32.const 1))
                (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 44))
                  (then
                    (call $number (i32.add (local.get $at) (i32.const 1)))
                    (local.set $at)
                    (local.set $left)))))))
        (local.set $at (i32.add (local.get $eol) (i32.const 1)))
        (br $next)))
    (call $write)
    (i32.const 0)))
