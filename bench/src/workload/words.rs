//! Sentences of words that nobody has seen, some of them often.

use super::chance::Chance;

const WORDS: usize = 4_000;
/// The first ones are the most frequent, and short.
const SHORT_WORDS: usize = 200;
const CONSONANTS: [&str; 16] =
    ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "st", "tr", "ch"];
const VOWELS: [&str; 7] = ["a", "e", "i", "o", "u", "ai", "ea"];

#[derive(Clone, Debug)]
pub struct Words(Vec<String>);

impl Words {
    pub fn of_a_language() -> Self {
        Self((0..WORDS).map(word).collect())
    }

    /// The probability of a word falls with its rank as in any language (Zipf).
    pub fn sentence(&self, chance: &mut Chance, length: usize) -> String {
        let mut sentence = String::with_capacity(length * 6);
        for index in 0..length {
            if index > 0 {
                sentence.push(' ');
            }
            let rank = (WORDS as f64).powf(chance.unit()) as usize - 1;
            sentence.push_str(&self.0[rank.min(WORDS - 1)]);
        }
        sentence
    }

    pub fn word(&self, chance: &mut Chance) -> String {
        self.sentence(chance, 1)
    }
}

fn word(rank: usize) -> String {
    let mut chance = Chance::of("word", rank as u64);
    let syllables = 1 + chance.below(if rank < SHORT_WORDS { 2 } else { 4 });
    let mut word: String =
        (0..syllables).map(|_| [chance.pick(&CONSONANTS), chance.pick(&VOWELS)].concat()).collect();
    if chance.happens(0.4) {
        // No cluster at the end.
        word.push_str(chance.pick(&CONSONANTS[..13]));
    }
    word
}
