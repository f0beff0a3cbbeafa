mod due;
mod fixture;
mod running;
mod scheduling;
mod submitting;
mod timetable;
