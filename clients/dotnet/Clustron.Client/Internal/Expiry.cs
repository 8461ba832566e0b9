namespace Clustron.Internal;

/// <summary>
/// Calls back at a timestamp that may be moved. With the system's clock it is one thread of its own that does, so that a starved thread
/// pool delays nothing; what is called must be brief. Thread-safe.
/// </summary>
internal abstract class Expiry : IDisposable
{
    public static Expiry Create(TimeProvider time, Action onDue) =>
        ReferenceEquals(time, TimeProvider.System) ? new ThreadExpiry(onDue) : new TimerExpiry(time, onDue);

    /// <summary>Moves it. In the past: at once.</summary>
    public abstract void Set(long timestamp);

    public abstract void Dispose();

    private sealed class TimerExpiry(TimeProvider time, Action onDue) : Expiry
    {
        private readonly ITimer _timer = time.CreateTimer(_ => onDue(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        public override void Set(long timestamp)
        {
            TimeSpan left = time.GetElapsedTime(time.GetTimestamp(), timestamp);
            _timer.Change(left > TimeSpan.Zero ? left : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }

        public override void Dispose() => _timer.Dispose();
    }

    private sealed class ThreadExpiry(Action onDue) : Expiry
    {
        private static readonly SortedSet<(long Due, long Number, ThreadExpiry Expiry)> Queue =
            new(Comparer<(long Due, long Number, ThreadExpiry Expiry)>.Create((a, b) => (a.Due, a.Number).CompareTo((b.Due, b.Number))));
        private static long _numbers;
        private static bool _running;

        private readonly long _number = Interlocked.Increment(ref _numbers);
        private long _due = -1;
        private bool _disposed;

        public override void Set(long timestamp)
        {
            lock (Queue)
            {
                if (_disposed) return;
                Remove();
                _due = timestamp;
                Queue.Add((_due, _number, this));
                if (!_running)
                {
                    _running = true;
                    new Thread(Run) { IsBackground = true, Name = "Clustron expiry", Priority = ThreadPriority.AboveNormal }.Start();
                }
                if (Queue.Min.Number == _number) Monitor.Pulse(Queue);
            }
        }

        public override void Dispose()
        {
            lock (Queue)
            {
                _disposed = true;
                Remove();
            }
        }

        private void Remove()
        {
            if (_due >= 0) Queue.Remove((_due, _number, this));
            _due = -1;
        }

        private static void Run()
        {
            for (;;)
            {
                ThreadExpiry due;
                lock (Queue)
                {
                    if (Queue.Count == 0)
                    {
                        Monitor.Wait(Queue);
                        continue;
                    }
                    TimeSpan left = TimeProvider.System.GetElapsedTime(TimeProvider.System.GetTimestamp(), Queue.Min.Due);
                    if (left > TimeSpan.Zero)
                    {
                        // Rounded up: a wait of 0 ms would spin.
                        Monitor.Wait(Queue, (int)Math.Min(Math.Ceiling(left.TotalMilliseconds), int.MaxValue));
                        continue;
                    }
                    due = Queue.Min.Expiry;
                    due.Remove();
                }
                due.Call();
            }
        }

        private void Call() => onDue();
    }
}
