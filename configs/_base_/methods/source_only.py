# Trains on the source's labels alone; batch norm predicts with the source's statistics.
method = dict(batch_norm='source')
