using System.Diagnostics.CodeAnalysis;

namespace Clustron;

/// <summary>Calls of a rate limiter that wait, in order: only the first one asks the server. Thread-safe.</summary>
internal sealed class RateLimitQueue(int permitsMax)
{
    private readonly object _lock = new();
    private readonly LinkedList<Place> _places = new();
    private long _permits;

    /// <summary>A place in the queue.</summary>
    internal sealed class Place(int permits)
    {
        internal readonly TaskCompletionSource Signal = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>How many permits it waits for.</summary>
        public int Permits => permits;

        /// <summary>Done when it is the first.</summary>
        public Task Turn => Signal.Task;
    }

    /// <summary>Nobody waits.</summary>
    public bool IsEmpty => Permits == 0;

    /// <summary>How many permits are waited for.</summary>
    public long Permits => Interlocked.Read(ref _permits);

    /// <summary>False: too many are waited for.</summary>
    public bool TryJoin(int permits, [NotNullWhen(true)] out Place? place)
    {
        lock (_lock)
        {
            place = null;
            if (_permits + permits > permitsMax) return false;
            place = new Place(permits);
            _places.AddLast(place);
            Interlocked.Add(ref _permits, permits);
            Wake();
            return true;
        }
    }

    /// <summary>The next one is the first, if this one was.</summary>
    public void Leave(Place place)
    {
        lock (_lock)
        {
            if (_places.Remove(place)) Interlocked.Add(ref _permits, -place.Permits);
            Wake();
        }
    }

    private void Wake() => _places.First?.Value.Signal.TrySetResult();
}
