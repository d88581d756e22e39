"""How the shipped weights are made: a grammar of sentences, labelled examples, a trainer. Needs the dev extra; nothing here is imported at run time.

``python -m services.requests.chat.training.train`` writes ``lexicon/weights.txt``.
"""
