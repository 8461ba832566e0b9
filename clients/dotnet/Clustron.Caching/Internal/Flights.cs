namespace Clustron.Caching.Internal;

/// <summary>What a load came to.</summary>
/// <param name="Value">The object, for the call that made it.</param>
/// <param name="Payload">From which others make objects of their own; null: it is too large to be kept, so all get the same object.</param>
internal sealed record Loaded<T>(T Value, byte[]? Payload);

/// <summary>
/// Loads under way: whoever asks for the same meanwhile waits for the one that runs. A load is cancelled when nobody waits for it any more.
/// Thread-safe.
/// </summary>
internal sealed class Flights
{
    private readonly object _lock = new();
    private readonly Dictionary<(string Key, Type Type, int Flags), object> _flights = [];

    private sealed class Flight<T>
    {
        public readonly TaskCompletionSource<Loaded<T>> Outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public readonly CancellationTokenSource Stop = new();
        public int Waiting;
    }

    /// <summary>The load's outcome, and whether this call began it.</summary>
    public async Task<(Loaded<T> Loaded, bool Mine)> RunAsync<T>(
        string key, int flags, Func<CancellationToken, Task<Loaded<T>>> load, CancellationToken cancellation)
    {
        var id = (key, typeof(T), flags);
        Flight<T>? flight;
        bool mine;
        lock (_lock)
        {
            flight = _flights.TryGetValue(id, out object? running) ? (Flight<T>)running : null;
            mine = flight is null;
            if (mine) _flights[id] = flight = new Flight<T>();
            ++flight!.Waiting;
        }
        if (mine) _ = LoadAsync(id, flight, load);
        try
        {
            return (await flight.Outcome.Task.WaitAsync(cancellation).ConfigureAwait(false), mine);
        }
        finally
        {
            Leave(id, flight);
        }
    }

    /// <summary>The key's value is another one now: who asks from here on begins anew. Null: so it is of all keys.</summary>
    public void Detach(string? key)
    {
        lock (_lock)
        {
            foreach (var id in _flights.Keys.Where(id => key is null || id.Key == key).ToArray()) _flights.Remove(id);
        }
    }

    private async Task LoadAsync<T>((string, Type, int) id, Flight<T> flight, Func<CancellationToken, Task<Loaded<T>>> load)
    {
        try
        {
            Loaded<T> loaded = await load(flight.Stop.Token).ConfigureAwait(false);
            Remove(id, flight);
            flight.Outcome.TrySetResult(loaded);
        }
        catch (OperationCanceledException) when (flight.Stop.IsCancellationRequested)
        {
            flight.Outcome.TrySetCanceled();
        }
        catch (Exception error)
        {
            Remove(id, flight);
            flight.Outcome.TrySetException(error);
            _ = flight.Outcome.Task.Exception; // It is observed, even if all have given up.
        }
    }

    private void Leave<T>((string, Type, int) id, Flight<T> flight)
    {
        lock (_lock)
        {
            if (--flight.Waiting > 0 || flight.Outcome.Task.IsCompleted) return;
            Remove(id, flight); // Nobody joins it any more.
        }
        flight.Stop.Cancel();
    }

    private void Remove<T>((string, Type, int) id, Flight<T> flight)
    {
        lock (_lock)
        {
            if (_flights.TryGetValue(id, out object? running) && ReferenceEquals(running, flight)) _flights.Remove(id);
        }
    }
}
