//! Functions of lists and numbers.

use super::table::{Name, Section};

pub(super) const LISTS: Section = Section {
    title: "Lists",
    functions: &[
        Name("len(list: ?) -> int", "of texts too", "[1].len() == 1"),
        Name("is_empty(list: ?) -> bool", "of texts too", r#"[].is_empty() && "".is_empty()"#),
        Name("get(list: ?, at: int) -> ?", "`()` where there is none", "[1].get(5) == ()"),
        Name("some(list: Array, test: Fn) -> bool", "", "[1, 2].some(|n| n > 1)"),
        Name("all(list: Array, test: Fn) -> bool", "true for an empty list", "[].all(|n| false)"),
        Name("filter(list: Array, test: Fn) -> Array", "", "[1, 2].filter(|n| n > 1).len == 1"),
        Name("map(list: Array, change: Fn) -> Array", "", "[1, 2].map(|n| n * 2)[1] == 4"),
        Name(
            "find(list: Array, test: Fn) -> ?",
            "`()` where there is none",
            "[1, 2].find(|n| n > 1) == 2",
        ),
        Name("find(list: Array, test: Fn, from: int) -> ?", "", "[3, 2].find(|n| n > 1, 1) == 2"),
        Name(
            "find_map(list: Array, change: Fn) -> ?",
            "the first that is not `()`",
            "[1].find_map(|n| n + 1) == 2",
        ),
        Name(
            "find_map(list: Array, change: Fn, from: int) -> ?",
            "",
            "[1, 2].find_map(|n| n + 1, 1) == 3",
        ),
        Name(
            "reduce(list: Array, join: Fn) -> ?",
            "",
            "[1, 2].reduce(|sum, n| (if sum == () { 0 } else { sum }) + n) == 3",
        ),
        Name(
            "reduce(list: Array, join: Fn, first: ?) -> ?",
            "",
            "[1, 2].reduce(|sum, n| sum + n, 0) == 3",
        ),
        Name(
            "zip(list: Array, other: Array, join: Fn) -> Array",
            "",
            "[1].zip([2], |a, b| a + b)[0] == 3",
        ),
        Name("extract(list: Array, from: int) -> Array", "", "[1, 2].extract(1)[0] == 2"),
        Name(
            "extract(list: Array, from: int, len: int) -> Array",
            "",
            "[1, 2].extract(0, 1).len == 1",
        ),
        Name(
            "push(list: Array, item: ?) -> ()",
            "in place",
            "{ let a = []; a.push(1); a.len == 1 }",
        ),
        Name(
            "pop(list: ?) -> ?",
            "the last, taken away",
            "{ let a = [1]; a.pop() == 1 && a.is_empty }",
        ),
        Name(
            "shift(list: Array) -> ?",
            "the first, taken away",
            "{ let a = [1, 2]; a.shift() == 1 }",
        ),
        Name(
            "insert(list: Array, at: int, item: ?) -> ()",
            "in place",
            "{ let a = [2]; a.insert(0, 1); a[0] == 1 }",
        ),
        Name(
            "remove(list: ?, what: ?) -> ?",
            "of a list the item there, of a text a part",
            "{ let a = [1, 2]; a.remove(0) == 1 }",
        ),
        Name(
            "set(list: ?, at: int, item: ?) -> ()",
            "in place",
            "{ let a = [1]; a.set(0, 2); a[0] == 2 }",
        ),
        Name(
            "reverse(list: Array) -> ()",
            "in place",
            "{ let a = [1, 2]; a.reverse(); a[0] == 2 }",
        ),
        Name("sort(list: Array) -> ()", "in place", "{ let a = [2, 1]; a.sort(); a[0] == 1 }"),
        Name(
            "sort(list: Array, order: Fn) -> ()",
            "",
            "{ let a = [1, 2]; a.sort(|a, b| b - a); a[0] == 2 }",
        ),
        Name(
            "dedup(list: Array) -> ()",
            "neighbours that are the same, in place",
            "{ let a = [1, 1]; a.dedup(); a.len == 1 }",
        ),
        Name(
            "dedup(list: Array, same: Fn) -> ()",
            "",
            "{ let a = [1, 2]; a.dedup(|a, b| true); a.len == 1 }",
        ),
        Name(
            "range(from: int, to: int) -> ?",
            "for `for`",
            "{ let n = 0; for i in range(0, 3) { n += i; } n == 3 }",
        ),
        Name(
            "range(from: int, to: int, step: int) -> ?",
            "",
            "{ let n = 0; for i in range(0, 4, 2) { n += i; } n == 2 }",
        ),
        Name("call(function: Fn) -> ?", "", "{ let f = || 1; f.call() == 1 }"),
        Name("call(function: Fn, value: ?) -> ?", "", "{ let f = |n| n + 1; f.call(1) == 2 }"),
        Name(
            "call(function: Fn, first: ?, second: ?) -> ?",
            "",
            "{ let f = |a, b| a + b; f.call(1, 2) == 3 }",
        ),
    ],
};

pub(super) const NUMBERS: Section = Section {
    title: "Numbers",
    functions: &[
        Name("abs(number: ?) -> ?", "", "abs(-1) == 1"),
        Name("sign(number: ?) -> int", "", "sign(-3) == -1"),
        Name("min(one: ?, other: ?) -> ?", "", "min(1, 2) == 1"),
        Name("max(one: ?, other: ?) -> ?", "", "max(1, 2) == 2"),
        Name("is_zero(number: ?) -> bool", "", "is_zero(0)"),
        Name("is_even(number: int) -> bool", "", "is_even(2)"),
        Name("is_odd(number: int) -> bool", "", "is_odd(1)"),
    ],
};
