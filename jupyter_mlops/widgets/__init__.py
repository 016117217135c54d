"""What a notebook shows beyond tables: cards of runs, live while they run, and widgets."""
