namespace Clustron.Tests;

/// <summary>A monotonic clock that stands until it is moved. Timers run in <see cref="Advance"/>, in their order.</summary>
public sealed class FakeClock : TimeProvider
{
    private readonly object _lock = new();
    private readonly List<Timer> _timers = [];
    private long _now = 1_000_000;

    public override long TimestampFrequency => 10_000_000;
    public override long GetTimestamp() => Interlocked.Read(ref _now);
    public override DateTimeOffset GetUtcNow() => new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero).AddTicks(_now);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>How many timers are set.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock) return _timers.Count;
        }
    }

    /// <summary>Moves the clock, in steps, and lets what a timer woke go on before the next.</summary>
    public async Task AdvanceAsync(TimeSpan by)
    {
        long end = GetTimestamp() + by.Ticks;
        for (;;)
        {
            await Settle();
            Timer? next;
            lock (_lock) next = _timers.Where(t => t.Due <= end).MinBy(t => t.Due);
            if (next is null) break;
            Interlocked.Exchange(ref _now, Math.Max(_now, next.Due));
            next.Fire();
        }
        Interlocked.Exchange(ref _now, end);
        await Settle();
    }

    public Task AdvanceAsync(int ms) => AdvanceAsync(TimeSpan.FromMilliseconds(ms));

    /// <summary>Lets continuations run that are ready.</summary>
    public static async Task Settle()
    {
        for (int i = 0; i < 5; ++i)
        {
            await Task.Delay(1);
            await Task.Yield();
        }
    }

    private sealed class Timer(FakeClock clock, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan _period;

        public long Due { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._lock)
            {
                clock._timers.Remove(this);
                _period = period;
                if (dueTime == Timeout.InfiniteTimeSpan) return true;
                Due = clock._now + dueTime.Ticks;
                clock._timers.Add(this);
                return true;
            }
        }

        public void Fire()
        {
            Change(_period > TimeSpan.Zero ? _period : Timeout.InfiniteTimeSpan, _period);
            callback(state);
        }

        public void Dispose() => Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
