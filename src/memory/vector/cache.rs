//! The vectors of questions that were asked lately: making one costs more than searching with it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// So many questions are kept.
const QUESTIONS_MAX: usize = 512;
/// A longer question is not kept.
const QUESTION_BYTES_MAX: usize = 4_096;

#[derive(Debug, Default)]
struct Kept {
    vectors: HashMap<String, Arc<[f32]>>,
    order: VecDeque<String>,
}

/// Questions and their vectors.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Kept>);

impl Cache {
    pub(super) fn get(&self, question: &str) -> Option<Arc<[f32]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).vectors.get(question).cloned()
    }

    pub(super) fn put(&self, question: &str, vector: Arc<[f32]>) {
        if question.len() > QUESTION_BYTES_MAX {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.vectors.insert(question.to_owned(), vector).is_none() {
            kept.order.push_back(question.to_owned());
        }
        if kept.order.len() > QUESTIONS_MAX
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.vectors.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_questions_are_forgotten() {
        let cache = Cache::default();
        for question in 0..=QUESTIONS_MAX {
            cache.put(&question.to_string(), Arc::from([1.0]));
        }
        assert!(cache.get("0").is_none());
        assert!(cache.get("1").is_some());
        assert_eq!(cache.0.lock().unwrap().vectors.len(), QUESTIONS_MAX);
    }
}
