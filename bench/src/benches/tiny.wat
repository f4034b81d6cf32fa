;; The smallest scanner that scans: it flags every added line that ignores a
;; test in Rust. Written by hand against the canonical ABI, so that a call of it
;; measures the host and next to nothing else.
(module
  (import "sortie:scanner/change@0.1.0" "[resource-drop]diff"
    (func $drop (param i32)))
  (import "sortie:scanner/change@0.1.0" "[method]diff.files"
    (func $files (param i32 i32)))
  (import "sortie:scanner/change@0.1.0" "[method]diff.hunks"
    (func $hunks (param i32 i32 i32)))

  ;; The first page holds constants and what imports return, the second the
  ;; findings (48 bytes each, at most 1,000), the rest belongs to the allocator.
  (memory (export "memory") 3)
  (data (i32.const 16) "\20\00\00\00\01\00\00\00")
  (data (i32.const 32)
    "\60\00\00\00\0c\00\00\00"
    "\70\00\00\00\0f\00\00\00"
    "\80\00\00\00\25\00\00\00"
    "\02")
  (data (i32.const 96) "ignored-test")
  (data (i32.const 112) "An ignored test")
  (data (i32.const 128) "Finds tests that are ignored from now")
  (data (i32.const 192) "this test does not run from now on")
  (global $bump (mut i32) (i32.const 131072))

  (func (export "cabi_realloc")
    (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at
      (i32.and
        (i32.add (global.get $bump) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    (global.set $bump (i32.add (local.get $at) (local.get $size)))
    (block $enough
      (loop $more
        (br_if $enough
          (i32.le_u (global.get $bump) (i32.mul (memory.size) (i32.const 65536))))
        (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
        (br $more)))
    (local.get $at))

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

  ;; Writes a finding about a line of a file.
  (func $note (param $at i32) (param $file i32) (param $line i32)
    (i64.store (local.get $at) (i64.const 0x0000000c00000060))
    (i32.store8 offset=8 (local.get $at) (i32.const 2))
    (i32.store8 offset=12 (local.get $at) (i32.const 1))
    (i64.store offset=16 (local.get $at) (i64.load offset=16 (local.get $file)))
    (i32.store offset=24 (local.get $at) (i32.load offset=8 (local.get $line)))
    (i32.store8 offset=28 (local.get $at) (i32.const 1))
    (i64.store offset=32 (local.get $at) (i64.const 0x00000022000000c0))
    (i64.store offset=40 (local.get $at) (i64.load offset=12 (local.get $line))))

  (func (export "sortie:scanner/scan@0.1.0#rules") (result i32) (i32.const 16))

  (func (export "sortie:scanner/scan@0.1.0#scan") (param $change i32) (result i32)
    (local $index i32) (local $file i32) (local $hunk i32) (local $hunks-end i32)
    (local $line i32) (local $lines-end i32) (local $found i32)
    (call $files (local.get $change) (i32.const 256))
    (local.set $file (i32.load (i32.const 256)))
    (block $no-file
      (loop $next-file
        (br_if $no-file (i32.ge_u (local.get $index) (i32.load (i32.const 260))))
        (call $hunks (local.get $change) (local.get $index) (i32.const 264))
        (local.set $hunk (i32.load (i32.const 264)))
        (local.set $hunks-end
          (i32.add (local.get $hunk) (i32.mul (i32.load (i32.const 268)) (i32.const 32))))
        (block $no-hunk
          (loop $next-hunk
            (br_if $no-hunk (i32.ge_u (local.get $hunk) (local.get $hunks-end)))
            (local.set $line (i32.load offset=24 (local.get $hunk)))
            (local.set $lines-end
              (i32.add (local.get $line)
                (i32.mul (i32.load offset=28 (local.get $hunk)) (i32.const 20))))
            (block $no-line
              (loop $next-line
                (br_if $no-line (i32.ge_u (local.get $line) (local.get $lines-end)))
                ;; Kind 1 is an added line.
                (if (i32.eq (i32.load8_u (local.get $line)) (i32.const 1))
                  (then
                    (if (i32.and
                          (call $ignores
                            (i32.load offset=12 (local.get $line))
                            (i32.load offset=16 (local.get $line)))
                          (i32.lt_u (local.get $found) (i32.const 1000)))
                      (then
                        (call $note
                          (i32.add (i32.const 65536)
                            (i32.mul (local.get $found) (i32.const 48)))
                          (local.get $file) (local.get $line))
                        (local.set $found (i32.add (local.get $found) (i32.const 1)))))))
                (local.set $line (i32.add (local.get $line) (i32.const 20)))
                (br $next-line)))
            (local.set $hunk (i32.add (local.get $hunk) (i32.const 32)))
            (br $next-hunk)))
        (local.set $file (i32.add (local.get $file) (i32.const 44)))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $next-file)))
    (call $drop (local.get $change))
    (i32.store (i32.const 272) (i32.const 65536))
    (i32.store (i32.const 276) (local.get $found))
    (i32.const 272)))
