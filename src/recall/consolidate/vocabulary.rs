//! Words that mean something to whoever compares texts: units, numbers, colours, negations, what narrows a
//! statement, and words that say the same as others. English; a word of another language is a word.

/// The one name of a unit, for each way to write it.
pub(super) fn unit(text: &str) -> Option<&'static str> {
    // Units that differ in case alone are different: `Mb` is no `MB`.
    let exact = match text {
        "B" => "byte",
        "kB" | "KB" => "kB",
        "MB" => "MB",
        "GB" => "GB",
        "TB" => "TB",
        "PB" => "PB",
        "KiB" => "KiB",
        "MiB" => "MiB",
        "GiB" => "GiB",
        "TiB" => "TiB",
        "kb" | "Kb" => "kbit",
        "Mb" => "Mbit",
        "Gb" => "Gbit",
        "mW" => "mW",
        "W" => "W",
        "kW" => "kW",
        "MW" => "MW",
        "kWh" => "kWh",
        "MWh" => "MWh",
        "mA" => "mA",
        "A" => "A",
        "V" => "V",
        "mV" => "mV",
        "Hz" => "Hz",
        "kHz" => "kHz",
        "MHz" => "MHz",
        "GHz" => "GHz",
        "°C" | "℃" => "degC",
        "°F" | "℉" => "degF",
        "m" => "m",
        "M" => "million",
        "k" | "K" => "thousand",
        _ => "",
    };
    if !exact.is_empty() {
        return Some(exact);
    }
    let unit = match text.to_lowercase().as_str() {
        "%" | "percent" | "per cent" => "%",
        "‰" => "permille",
        "ns" | "nanosecond" | "nanoseconds" => "ns",
        "us" | "µs" | "μs" | "microsecond" | "microseconds" => "us",
        "ms" | "millisecond" | "milliseconds" => "ms",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "min" | "mins" | "minute" | "minutes" => "min",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "day",
        "week" | "weeks" | "wk" => "week",
        "month" | "months" => "month",
        "year" | "years" | "yr" | "yrs" => "year",
        "byte" | "bytes" => "byte",
        "bit" | "bits" => "bit",
        "mm" | "millimetre" | "millimetres" | "millimeter" | "millimeters" => "mm",
        "cm" | "centimetre" | "centimetres" | "centimeter" | "centimeters" => "cm",
        "metre" | "metres" | "meter" | "meters" => "m",
        "km" | "kilometre" | "kilometres" | "kilometer" | "kilometers" => "km",
        "km/h" | "kph" => "km/h",
        "mph" => "mph",
        "mile" | "miles" | "mi" => "mile",
        "ft" | "foot" | "feet" => "ft",
        "inch" | "inches" => "inch",
        "yd" | "yard" | "yards" => "yard",
        "mg" | "milligram" | "milligrams" => "mg",
        "g" | "gram" | "grams" => "g",
        "kg" | "kilogram" | "kilograms" | "kilo" | "kilos" => "kg",
        "t" | "ton" | "tons" | "tonne" | "tonnes" => "t",
        "lb" | "lbs" | "pound" | "pounds" => "lb",
        "oz" | "ounce" | "ounces" => "oz",
        "ml" | "millilitre" | "millilitres" => "ml",
        "cl" => "cl",
        "l" | "litre" | "litres" | "liter" | "liters" => "l",
        "gallon" | "gallons" => "gallon",
        "$" | "usd" | "dollar" | "dollars" => "USD",
        "€" | "eur" | "euro" | "euros" => "EUR",
        "£" | "gbp" => "GBP",
        "¥" | "jpy" | "yen" => "JPY",
        "chf" => "CHF",
        "cent" | "cents" => "cent",
        "°" | "degree" | "degrees" => "degree",
        "kib" => "KiB",
        "mib" => "MiB",
        "gib" => "GiB",
        "hz" => "Hz",
        "px" | "pixel" | "pixels" => "px",
        "rpm" => "rpm",
        "dozen" => "dozen",
        "hundred" => "hundred",
        "thousand" => "thousand",
        "million" | "mio" => "million",
        "billion" => "billion",
        _ => return None,
    };
    Some(unit)
}

/// The number that a word is.
pub(super) fn number(word: &str) -> Option<&'static str> {
    const WORDS: &[(&str, &str)] = &[
        ("zero", "0"),
        ("one", "1"),
        ("two", "2"),
        ("three", "3"),
        ("four", "4"),
        ("five", "5"),
        ("six", "6"),
        ("seven", "7"),
        ("eight", "8"),
        ("nine", "9"),
        ("ten", "10"),
        ("eleven", "11"),
        ("twelve", "12"),
        ("thirteen", "13"),
        ("fourteen", "14"),
        ("fifteen", "15"),
        ("sixteen", "16"),
        ("seventeen", "17"),
        ("eighteen", "18"),
        ("nineteen", "19"),
        ("twenty", "20"),
        ("thirty", "30"),
        ("forty", "40"),
        ("fifty", "50"),
        ("sixty", "60"),
        ("seventy", "70"),
        ("eighty", "80"),
        ("ninety", "90"),
        ("hundred", "100"),
        ("thousand", "1000"),
        ("million", "1000000"),
        ("billion", "1000000000"),
        ("dozen", "12"),
        ("half", "1/2"),
        ("quarter", "1/4"),
        ("first", "1st"),
        ("second", "2nd"),
        ("third", "3rd"),
        ("fourth", "4th"),
        ("fifth", "5th"),
        ("sixth", "6th"),
        ("seventh", "7th"),
        ("eighth", "8th"),
        ("ninth", "9th"),
        ("tenth", "10th"),
        ("once", "1x"),
        ("twice", "2x"),
        ("thrice", "3x"),
        ("double", "2x"),
        ("triple", "3x"),
    ];
    WORDS.iter().find(|(name, _)| *name == word).map(|(_, number)| *number)
}

/// The colour that a word names.
pub(super) fn colour(word: &str) -> Option<&'static str> {
    const COLOURS: &[&str] = &[
        "red",
        "orange",
        "yellow",
        "green",
        "blue",
        "purple",
        "violet",
        "pink",
        "brown",
        "black",
        "white",
        "grey",
        "silver",
        "gold",
        "golden",
        "beige",
        "cyan",
        "magenta",
        "teal",
        "turquoise",
        "navy",
        "maroon",
        "crimson",
        "scarlet",
        "indigo",
        "amber",
        "lime",
        "olive",
        "tan",
        "ivory",
        "coral",
        "khaki",
        "lavender",
        "mauve",
        "burgundy",
        "bronze",
        "copper",
        "charcoal",
        "peach",
        "mint",
        "azure",
    ];
    let word = if word == "gray" { "grey" } else { word };
    COLOURS.iter().find(|colour| **colour == word).copied()
}

/// Whether a word says that something is not so. Contractions (`don't`) are told by their ending.
pub(super) fn negates(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "not", "no", "never", "none", "nobody", "nothing", "nowhere", "neither", "nor", "cannot",
        "without", "aint", "dont", "doesnt", "didnt", "isnt", "wasnt", "arent", "werent", "wont",
        "wouldnt", "cant", "couldnt", "shouldnt", "mustnt", "hasnt", "havent", "hadnt", "nicht",
        "kein", "keine", "nie", "niemals", "ohne", "pas", "jamais", "sans", "ne", "nunca", "sin",
        "non",
    ];
    WORDS.contains(&word) || word.ends_with("n't") || word.ends_with("n’t")
}

/// Whether a word says how far, how surely, when or for how many a statement holds. Two statements that
/// differ in one of these are two statements.
pub(super) fn narrows(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "was",
        "were",
        "had",
        "did",
        "will",
        "would",
        "shall",
        "should",
        "can",
        "could",
        "may",
        "might",
        "must",
        "ought",
        "all",
        "some",
        "any",
        "every",
        "each",
        "most",
        "many",
        "few",
        "several",
        "more",
        "less",
        "least",
        "fewer",
        "only",
        "almost",
        "nearly",
        "hardly",
        "barely",
        "about",
        "around",
        "approximately",
        "roughly",
        "exactly",
        "before",
        "after",
        "until",
        "till",
        "since",
        "during",
        "while",
        "whenever",
        "unless",
        "if",
        "except",
        "instead",
        "rather",
        "always",
        "usually",
        "often",
        "sometimes",
        "rarely",
        "seldom",
        "ever",
        "maybe",
        "perhaps",
        "possibly",
        "probably",
        "allegedly",
        "supposedly",
        "yet",
        "still",
        "already",
        "again",
        "anymore",
        "longer",
        "both",
        "either",
        "whether",
        "above",
        "below",
        "over",
        "under",
        "up",
        "down",
        "against",
        "outside",
        "minimum",
        "maximum",
        "max",
        "min",
        "former",
        "formerly",
        "ex",
        "previously",
        "originally",
        "planned",
        "supposed",
        "or",
        "this",
        "past",
        "now",
        "earlier",
        "later",
        "soon",
    ];
    WORDS.contains(&word)
}

/// Whether a word places a statement relative to when it was made.
pub(super) fn relative_time(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "today",
        "yesterday",
        "tomorrow",
        "tonight",
        "currently",
        "recently",
        "lately",
        "ago",
        "last",
        "next",
        "upcoming",
    ];
    WORDS.contains(&word)
}

/// Whether a word adds nothing to what is said.
pub(super) fn is_free(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "a", "an", "the", "is", "are", "be", "being", "been", "am", "do", "does", "that", "please",
    ];
    WORDS.contains(&word)
}

/// Words that begin sentences with a capital and are no names.
pub(super) fn begins_sentences(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "i", "you", "he", "she", "it", "we", "they", "my", "your", "his", "her", "its", "our",
        "their", "this", "that", "these", "those", "there", "here", "what", "which", "who",
        "whose", "where", "when", "why", "how", "and", "or", "but", "so", "because", "as", "then",
        "also", "in", "on", "at", "by", "for", "from", "to", "of", "with", "about", "into", "yes",
        "no", "yeah", "yep", "hey", "hi", "hello", "wow", "oh", "ok", "okay", "thanks", "thank",
        "please", "well", "just", "really", "very", "let", "lets", "good", "great", "nice", "cool",
        "sorry", "i'm", "i've", "i'll", "i'd", "it's", "that's", "we're", "we've", "we'll",
        "you're", "they're", "what's", "let's", "there's", "he's", "she's", "both", "one", "have",
        "has", "is", "are", "does", "do", "a", "an", "the", "not", "never",
    ];
    WORDS.contains(&word)
}

/// The one word for words that say the same, given as they are or as [`stem`] leaves them. Only such as can
/// stand for each other in any statement.
pub(super) fn sense(word: &str) -> &str {
    const GROUPS: &[&[&str]] = &[
        &["start", "begin", "commence"],
        &["finish", "complete", "conclude"],
        &["big", "large"],
        &["small", "little"],
        &["quick", "fast", "rapid"],
        &["buy", "purchase"],
        &["use", "utilise", "utilize"],
        &["need", "require"],
        &["fix", "repair"],
        &["delete", "remove", "erase"],
        &["folder", "directory"],
        &["reside", "live"],
        &["close", "shut"],
        &["error", "mistake"],
        &["help", "assist"],
        &["choose", "select", "pick"],
        &["build", "construct"],
        &["enjoy", "like"],
        &["phone", "telephone"],
        &["photo", "photograph"],
        &["automobile", "car"],
        &["contain", "hold"],
        &["store", "keep"],
        &["send", "dispatch"],
        &["happen", "occur"],
        &["answer", "reply"],
        &["job", "task"],
        &["located", "situated"],
        &["each", "every"],
        &["whilst", "while"],
        &["till", "until"],
        &["approximately", "roughly"],
    ];
    let is = |known: &&str| *known == word || stem(known) == word;
    let group = GROUPS.iter().find(|group| group.iter().any(is));
    group.and_then(|group| group.first()).copied().unwrap_or(word)
}

/// A word without the ending that the form of a sentence gives it: the s of many and of third persons, and
/// `-ing`. The past is another statement, so `-ed` stays.
pub(super) fn stem(word: &str) -> String {
    let word = word.trim_end_matches("'s").trim_end_matches("’s");
    let long_enough = |cut: usize| word.chars().count() >= cut + 3;
    let vowel = |text: &str| text.contains(['a', 'e', 'i', 'o', 'u', 'y']);
    if let Some(base) = word.strip_suffix("ies").filter(|_| long_enough(3)) {
        return format!("{base}y");
    }
    for ending in ["sses", "shes", "ches", "xes", "zes"] {
        if word.ends_with(ending) && long_enough(2) {
            return word.trim_end_matches("es").to_owned();
        }
    }
    if let Some(base) = word.strip_suffix("ing").filter(|base| long_enough(3) && vowel(base)) {
        return undoubled(base);
    }
    let plural =
        word.strip_suffix('s').filter(|base| long_enough(1) && !base.ends_with(['s', 'u', 'i']));
    plural.unwrap_or(word).trim_end_matches('e').to_owned()
}

/// `runn` of `running` is `run`; `tak` of `taking` is what `take` is without its e.
fn undoubled(base: &str) -> String {
    let mut ending = base.chars().rev();
    let (last, before) = (ending.next(), ending.next());
    let doubled = last == before && last.is_some_and(|c| !matches!(c, 'l' | 's' | 'z' | 'e'));
    let cut = if doubled { last.map_or(0, char::len_utf8) } else { 0 };
    base.get(..base.len() - cut).unwrap_or(base).trim_end_matches('e').to_owned()
}
